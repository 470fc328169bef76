"""The one place where a user's daemon is met: taken with a lock, left clean, entered by that user alone."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from repocomp.errors import ServeError
from repocomp.serve import protocol

_BACKLOG = 64
_DARWIN_PEERCRED = 1
_POLLS, _POLL_S = 20, 0.05
_LOCKED_BYTE = 1 << 20


@contextmanager
def listening() -> Iterator[tuple[socket.socket, str | None]]:
    """Hold the place: a listening socket, and the token that peers must show where sockets know no uid.

    The lock goes with the process, however it ends, so what a crashed daemon left behind is simply replaced.
    Raises ServeError where another daemon is there, or where the folder is not this user's own.
    """
    folder = own_folder()
    with open(folder / protocol.LOCK, "a+b") as place:
        if not lock(place):
            raise ServeError(f"a daemon is already there ({folder})", "repocomp serve --status")
        _name_holder(place)
        if hasattr(socket, "AF_UNIX"):
            path, listener, token = folder / protocol.SOCKET, _unix(folder / protocol.SOCKET), None
        else:
            path = folder / protocol.ADDRESS
            listener, token = _loopback(path)
        try:
            yield listener, token
        finally:
            listener.close()
            with suppress(OSError):
                path.unlink()


def holder() -> int | None:
    """The process that holds the place, whether or not it answers; None where nobody does."""
    try:
        with open(os.path.join(protocol.folder(), protocol.LOCK), "r+b") as place:
            return None if lock(place) else int(place.read(20) or b"0") or None
    except (OSError, ValueError):
        return None


def end(pid: int) -> None:
    """End the daemon `pid`, which does not answer: as it asks to be ended, and a moment later without asking."""
    for number in (
        signal.SIGTERM,
        getattr(signal, "SIGCONT", signal.SIGTERM),
        getattr(signal, "SIGKILL", signal.SIGTERM),
    ):
        with suppress(OSError):
            os.kill(pid, number)
        for _ in range(_POLLS):
            if holder() != pid:
                return
            time.sleep(_POLL_S)


def is_own(peer: socket.socket) -> bool:
    """Whether the other end runs as this user. True where the system cannot tell: the folder is private as well."""
    if hasattr(socket, "SO_PEERCRED"):
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    elif sys.platform == "darwin":
        _, uid = struct.unpack("2I", peer.getsockopt(0, _DARWIN_PEERCRED, struct.calcsize("2I")))
    else:
        return True
    return bool(uid == os.getuid())


def own_folder() -> Path:
    """The folder where the daemon is met, made where there is none. Raises ServeError where others can enter it."""
    folder = Path(protocol.folder())
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ServeError(f"{folder}: {error.strerror}", "set XDG_RUNTIME_DIR to a folder of your own") from None
    if not protocol.is_private(str(folder)):
        raise ServeError(f"{folder}: is not a folder that you alone can enter", f"chmod 700 {folder}, or remove it")
    return folder


def lock(file: IO[bytes]) -> bool:
    """Whether the lock is ours now. It goes with the open file."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # Beyond the text of the file, which others read.
            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _name_holder(lock: IO[bytes]) -> None:
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()


def _unix(path: Path) -> socket.socket:
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o700)
    listener.listen(_BACKLOG)
    return listener


def _loopback(path: Path) -> tuple[socket.socket, str]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(_BACKLOG)
    token = secrets.token_hex(16)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(f"{listener.getsockname()[1]} {token}\n", encoding="ascii")
    fresh.replace(path)
    return listener, token
