"""Asking the daemon: a process that imports next to nothing, sends its command line and prints what comes back.

Whatever goes wrong (no daemon, a stale socket, another version, a crash, silence) the answer is None, and the caller
does the work itself.
"""

from __future__ import annotations

import io
import os
import sys

from repocomp.serve import protocol

try:
    import _socket as socket
except ImportError:
    import socket  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from repocomp.serve.protocol import Message

CONNECT_S = 1.0
REPLY_S = 10.0
"""A daemon that is silent for so long is taken for dead."""


def ask(arguments: Sequence[str]) -> int | None:
    """Let the daemon run `complete ARGUMENTS`, print its answer, and return its exit code; None: nobody answered.

    Where nobody did, standard input can be read as before.
    """
    if _wants_none(arguments):
        return None
    connection = connect()
    if connection is None:
        return None
    data = _standard_input(arguments)
    try:
        return _converse(connection, _request(arguments, data))
    finally:
        connection.close()
        if data is not None:
            sys.stdin = io.TextIOWrapper(io.BytesIO(data))


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
        connection.settimeout(REPLY_S)
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


def _wants_none(arguments: Sequence[str]) -> bool:
    """Whether the daemon is not to be asked, or the question is none it answers."""
    if "-h" in arguments or "--help" in arguments:
        return True
    choice = os.environ.get("REPOCOMP_DAEMON", "auto")
    for at, word in enumerate(arguments):
        if word == "--daemon":
            choice = arguments[at + 1] if at + 1 < len(arguments) else ""
        elif word.startswith("--daemon="):
            choice = word[len("--daemon=") :]
    return choice == "never"


def _standard_input(arguments: Sequence[str]) -> bytes | None:
    """The buffer, where a cursor says that it comes on standard input."""
    return sys.stdin.buffer.read() if any(word.startswith("-:") for word in arguments) else None


def _request(arguments: Sequence[str], data: bytes | None) -> Message:
    return {
        "op": "complete",
        "identity": protocol.IDENTITY,
        "arguments": list(arguments),
        "folder": os.getcwd(),
        "environment": protocol.relevant(os.environ),
        "stdin": protocol.to_text(data or b""),
        "terminals": [sys.stdout.isatty(), sys.stderr.isatty()],
        **_token(),
    }


def _converse(connection: socket.socket, request: Message) -> int | None:
    try:
        connection.sendall(protocol.encode(request))
    except OSError:
        return None
    printed = False
    try:
        for reply in _lines(connection):
            if "declined" in reply:
                return None
            printed |= _print(reply)
            if "exit_code" in reply:
                return int(reply["exit_code"])
    except BrokenPipeError:
        # Whoever read our output has what they wanted; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, ValueError, KeyError):
        pass
    if not printed:
        return None
    sys.stderr.write("repocomp: the daemon went away amid its answer\nhint: ask again, or add --daemon never\n")
    return 2


def _print(reply: Message) -> bool:
    """Pass on what is in a reply; whether there was text in it."""
    sys.stdout.buffer.write(protocol.to_bytes(reply["stdout"]))
    sys.stdout.flush()
    sys.stderr.write(reply.get("stderr", ""))
    sys.stderr.flush()
    return bool(reply["stdout"])


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
