"""The fast path of `repocomp complete`: ask a daemon, without importing what the command line is made of.

It understands the plain spelling of every option. Whatever else there is (help, abbreviations, mistakes, a file that
cannot be read, no daemon) it leaves to the command line proper, which says what is wrong.
"""

from __future__ import annotations

import io
import os
import stat
import sys

from repocomp.cli.envelope import envelope, exit_code_of, notes_on, told
from repocomp.serve import client, protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TextIO

    Values = dict[str, Any]

SETTINGS = {
    "--retrieve": str,
    "--select": str,
    "--threshold": float,
    "--min-confidence": float,
    "--candidates": int,
    "--policy": str,
    "--generator": str,
    "--mode": str,
    "--arms": str,
    "--max-new-tokens": int,
    "--deadline-ms": float,
    "--daemon": str,
}
"""Options that are settings of the same name, and what their values are."""
RECORDING = {"--no-text": "no-text", "--no-record": "off"}
"""Flags for the setting `record`."""
OTHERS = ("--stdin-filename", "--position-encoding")
VARIABLES = {
    f"{protocol.PREFIX}{name.upper()}"
    for name in (*(option[2:].replace("-", "_") for option in SETTINGS), "record", "retention_days", "learn")
}
"""Those that set something."""
FLAGS = ("--prefetch", "--stream", "--exit-zero", "--explain", "--json", "--verbose")
SHORT = {"-n": "--candidates"}
SLOW = ("--show-request",)
"""Options that no daemon is asked with."""


def ask(arguments: Sequence[str]) -> int | None:
    """Let a daemon answer `complete ARGUMENTS`, and print that; the exit code, or None: nobody answered.

    Where nobody did, standard input can be read as before.
    """
    values = parse(arguments)
    if values is None or values["flags"].get("daemon", os.environ.get("REPOCOMP_DAEMON", "auto")) == "never":
        return None
    place = place_of(values["cursor"])
    if place is None or sys.stdout is None or sys.stderr is None or not protocol.is_private(protocol.folder()):
        return None
    data = _read(place["file"])
    if data is None:
        return None
    try:
        request = _request(values, place, data)
        return _print(client.ask(request, _emit(values)), values)
    except client.Interrupted:
        sys.stderr.write(
            "repocomp: the daemon went away in the middle of its answer\nhint: ask again, or add --daemon never\n"
        )
        return 2
    except BrokenPipeError:
        # Whoever read our output has what they wanted; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, ValueError):
        # A folder that is gone, a full device, a closed stream: the command line proper says so in one line.
        return None
    finally:
        if place["file"] == "-":
            sys.stdin = io.TextIOWrapper(io.BytesIO(data))


def parse(arguments: Sequence[str]) -> Values | None:
    """The cursor and what was set, of a command line without anything unusual; None for any other."""
    values: Values = {"cursor": None, "flags": {}, "--stdin-filename": None, "--position-encoding": "utf-8"}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        name = SHORT.get(name, name)
        if word.startswith("-") and not word.startswith("-:"):
            if name in RECORDING and not equals:
                values["flags"]["record"] = RECORDING[name]
            elif name in FLAGS and not equals:
                values[name] = True
            elif name in SETTINGS or name in OTHERS:
                given = value if equals else next(words, None)
                if given is None or not _set(values, name, given):
                    return None
            else:
                return None
        elif values["cursor"] is None:
            values["cursor"] = word
        else:
            return None
    if values["cursor"] is None or (values["cursor"].startswith("-:") and values["--stdin-filename"] is None):
        return None
    return values


def place_of(cursor: str) -> Values | None:
    """`FILE:LINE:COL` or `FILE:#OFFSET` as file, line, column and offset; None for anything else."""
    file, colon, last = cursor.rpartition(":")
    if colon and last[:1] == "#" and _is_number(last[1:]):
        return {"file": file, "line": 0, "column": 0, "offset": int(last[1:])}
    file, colon, line = file.rpartition(":")
    if not colon or not file or not _is_number(line) or not _is_number(last):
        return None
    return {"file": file, "line": int(line), "column": int(last), "offset": None}


def _set(values: Values, name: str, given: str) -> bool:
    if name in OTHERS:
        values[name] = given
        return True
    try:
        values["flags"][name[2:].replace("-", "_")] = SETTINGS[name](given)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _read(file: str) -> bytes | None:
    try:
        if file == "-":
            # A byte more than is taken tells the command line that it is too large.
            return sys.stdin.buffer.read(protocol.LIMIT_BYTES + 1)
        # What can be read only once, or is too large, is left to whoever answers in the end.
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > protocol.LIMIT_BYTES:
            return None
        with open(file, "rb") as stream:
            return stream.read()
    except (OSError, ValueError, AttributeError):
        return None


def _request(values: Values, place: Values, data: bytes) -> Values:
    named = values["--stdin-filename"] or place["file"]
    return {
        "op": "complete",
        "protocol": protocol.VERSION,
        "identity": protocol.IDENTITY,
        "directories": protocol.directories(os.environ),
        "environment": protocol.settings(os.environ),
        "path": os.path.join(os.getcwd(), named),
        "data": protocol.to_text(data),
        "line": place["line"],
        "column": place["column"],
        "offset": place["offset"],
        "encoding": values["--position-encoding"],
        "flags": values["flags"],
        "stream": bool(values.get("--stream")),
        "awaited": bool(values.get("--stream")) or sys.stdout.isatty(),
        "prefetch": bool(values.get("--prefetch")),
    }


def _emit(values: Values) -> Callable[[str], None] | None:
    if not values.get("--stream"):
        return None
    return lambda text: _write_json({"text": text}) if values.get("--json") else _write(_shown(text, sys.stdout))


def _print(completion: Values | None, values: Values) -> int | None:
    if completion is None:
        return None
    code = exit_code_of(completion, exit_zero=bool(values.get("--exit-zero")))
    if values.get("--json"):
        _write_json(envelope("complete", code, told(completion, is_explained=bool(values.get("--explain")))))
        return code
    if not values.get("--stream"):
        _write(_shown(completion["text"], sys.stdout))
    is_verbose = bool(values.get("--verbose"))
    is_terminal, is_shared = sys.stderr.isatty(), sys.stdout.isatty()
    for note in notes_on(completion, is_terminal=is_terminal, is_shared=is_shared, is_verbose=is_verbose):
        sys.stderr.write(_shown(note, sys.stderr) + "\n")
    for name in protocol.settings(os.environ).keys() - VARIABLES:
        sys.stderr.write(_shown(f"repocomp: {name} sets nothing: there is no such setting", sys.stderr) + "\n")
    return code


def _write_json(value: object) -> None:
    """Spelled in plain characters where it holds any that is none: controls, signs that turn the direction of text."""
    line = protocol.to_json(value)
    _write((line if line.isprintable() else protocol.to_ascii_json(value)) + "\n")


def _shown(text: str, stream: TextIO) -> str:
    """The text; on a terminal, what that would obey is written out."""
    if text.isprintable() or not stream.isatty():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def _write(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()
