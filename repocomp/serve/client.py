"""Asking the daemon: a process that imports next to nothing, sends a request and passes on what comes back.

Whatever goes wrong (no daemon, a stale socket, another version, a crash, silence) the answer is None, and the caller
does the work itself.
"""

from __future__ import annotations

import os

from repocomp.serve import protocol

try:
    import _socket as socket
except ImportError:
    import socket  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from repocomp.serve.protocol import Message

CONNECT_S = 1.0
ACCEPT_S = 1.0
"""A daemon that does not say for so long that it has heard is taken for dead, or stopped."""
REPLY_S = 10.0
"""A daemon that is silent for so long after that is left to itself."""


class Interrupted(Exception):
    """The daemon went away after part of its answer was passed on."""


def ask(request: Message, emit: Callable[[str], None] | None) -> Message | None:
    """Send a request for a completion; the completion as JSON, or None where nobody answered.

    `emit` is given the text as it settles, where it is wanted before the rest. Raises Interrupted, and whatever `emit`
    raises.
    """
    connection = connect()
    if connection is None:
        return None
    try:
        return _converse(connection, request, emit)
    finally:
        connection.close()


def tell(operation: str) -> Message | None:
    """Send `status` or `stop`; the daemon's reply, or None where none answers."""
    connection = connect()
    if connection is None:
        return None
    try:
        connection.sendall(protocol.encode({"op": operation, **_token()}))
        return next(_lines(connection), None)
    except (OSError, ValueError):
        return None
    finally:
        connection.close()


def connect() -> socket.socket | None:
    """Reach the daemon of this user, and nobody else's."""
    folder = protocol.folder()
    if not protocol.is_private(folder):
        return None
    try:
        if hasattr(socket, "AF_UNIX"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            address: str | tuple[str, int] = os.path.join(folder, protocol.SOCKET)
        else:
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            address = ("127.0.0.1", int(_address(folder)[0]))
    except (OSError, ValueError):
        return None
    try:
        connection.settimeout(CONNECT_S)
        connection.connect(address)
        connection.settimeout(ACCEPT_S)
    except OSError:
        connection.close()
        return None
    return connection


def start(*options: str) -> None:
    """Start a daemon in the background, if that can be done. Of several started at once all but one leave again."""
    launch(("serve", *options), os.path.abspath(os.sep))


def launch(arguments: Sequence[str], folder: str) -> None:
    """Start a command of repocomp in the background, if that can be done; nothing in `folder` is imported by it."""
    import subprocess

    from repocomp.process import command, environment

    try:
        process = subprocess.Popen(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment(),
            start_new_session=True,
        )
    except OSError:
        return
    # It outlives this process, and Python need not warn of that.
    process.returncode = 0


def _converse(connection: socket.socket, request: Message, emit: Callable[[str], None] | None) -> Message | None:
    has_begun = False
    try:
        connection.sendall(protocol.encode({**request, **_token()}))
        for reply in _lines(connection):
            if "accepted" in reply:
                connection.settimeout(REPLY_S)
            if "text" in reply and emit is not None:
                has_begun = True
                emit(str(reply["text"]))
            if "completion" in reply:
                completion: Message = reply["completion"]
                return completion
            if "declined" in reply:
                break
    except BrokenPipeError:
        if has_begun:
            raise
    except (OSError, ValueError):
        pass
    if has_begun:
        raise Interrupted
    return None


def _lines(connection: socket.socket) -> Iterator[Message]:
    """Messages until the daemon hangs up."""
    rest = b""
    while data := connection.recv(1 << 16):
        *lines, rest = (rest + data).split(b"\n")
        yield from map(protocol.decode, lines)


def _token() -> dict[str, str]:
    """The secret that stands for the peer's uid where sockets have none."""
    if hasattr(socket, "AF_UNIX"):
        return {}
    try:
        return {"token": _address(protocol.folder())[1]}
    except OSError:
        return {}


def _address(folder: str) -> list[str]:
    with open(os.path.join(folder, protocol.ADDRESS), encoding="ascii") as file:
        return file.read().split()
