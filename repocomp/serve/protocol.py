"""What client and daemon say to each other: one JSON line out, one line back, more lines before it when streaming.

A request carries a buffer, a position in it and what was set for it; the last reply carries the completion, or says why
the daemon declined (`repocomp-protocol(7)`). Nothing here imports more than an interpreter has loaded anyway: a
keystroke waits for it. `json` and `socket` alone would cost 16 ms beside the 15 of bare Python, for their regular
expressions and enums; the C halves of both are under 1 ms.
"""

from __future__ import annotations

import os
import stat

from repocomp import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Message = dict[str, Any]

VERSION = 2
"""Rises when an older side would misunderstand a message."""
IDENTITY = f"{__version__} {os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}"
"""Which repocomp speaks: its version and where it lies. A daemon of another one declines and leaves."""
LIMIT_BYTES = 32_000_000
"""No line is longer: a buffer of that size is nothing to complete in."""
SOCKET, ADDRESS, LOCK = "socket", "address", "lock"

_DIRECTORIES = (
    "HOME",
    "USERPROFILE",
    "LOCALAPPDATA",
    "APPDATA",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)
PREFIX = "REPOCOMP_"
"""What the variables that set something begin with."""
_LONGEST_FOLDER = 80
"""A socket's whole path has 104 bytes on macOS, 108 on Linux."""


def encode(message: Message) -> bytes:
    """One line of ASCII, its end included. Text that is no Unicode (surrogate escapes) survives the journey."""
    return (to_ascii_json(message) + "\n").encode("ascii")


def decode(line: bytes) -> Message:
    """The message of a line. Raises ValueError for anything else than a JSON object."""
    try:
        message = _loads(line.decode("ascii"))
    except (UnicodeDecodeError, StopIteration, RecursionError) as error:
        raise ValueError(f"not a line of JSON ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    return message


def to_text(data: bytes) -> str:
    """Bytes as JSON can carry them."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The bytes that `to_text` was given."""
    return text.encode("utf-8", "surrogateescape")


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that set something: they go with each request."""
    return {name: value for name, value in environment.items() if name.startswith(PREFIX)}


def directories(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say where a user's data lies. A daemon answers only those who share its own."""
    return {name: environment[name] for name in _DIRECTORIES if name in environment}


def folder() -> str:
    """Where the daemon is met: `$XDG_RUNTIME_DIR/repocomp`, else a folder of the user's own among temporary files."""
    if os.name == "nt":
        return os.path.join(os.environ.get("LOCALAPPDATA", os.path.expanduser("~")), "repocomp", "run")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and len(os.fsencode(runtime)) < _LONGEST_FOLDER:
        return runtime + "/repocomp"
    temporary = os.environ.get("TMPDIR", "")
    usable = temporary.startswith("/") and len(os.fsencode(temporary)) < _LONGEST_FOLDER
    return f"{temporary.rstrip('/') if usable else '/tmp'}/repocomp-{os.getuid()}"


def is_private(path: str) -> bool:
    """Whether `path` is a folder, no link, that only this user can enter. Others' could read what is typed."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    if os.name == "nt":
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _codec() -> tuple[Callable[[object], str], Callable[[object], str], Callable[[str], Any]]:
    """`json.dumps`, the same without escapes, and `json.loads`, from the C halves alone where there are any."""
    try:
        from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
    except ImportError:
        import json

        return json.dumps, lambda value: json.dumps(value, ensure_ascii=False), json.loads

    class Context:
        """What the scanner asks of a decoder."""

        strict = True
        object_hook = object_pairs_hook = None
        parse_float, parse_int = float, int
        parse_constant = float
        memo: dict[str, str] = {}  # noqa: RUF012  (the scanner wants an attribute)

    context: Any = Context()
    scan = make_scanner(context)

    def dumps(spell: Callable[[str], str]) -> Callable[[object], str]:
        write = make_encoder(None, _refuse, spell, None, ": ", ", ", False, False, True)
        return lambda value: "".join(write(value, 0))

    def loads(text: str) -> Any:  # noqa: ANN401  (any JSON value)
        value, end = scan(text, 0)
        if text[end:].strip():
            raise ValueError("more than one value")
        return value

    return dumps(encode_basestring_ascii), dumps(encode_basestring), loads


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is no JSON")


to_ascii_json, to_json, _loads = _codec()
"""A value as `json.dumps` spells it, and as it does with `ensure_ascii=False`."""
