"""A cursor on the command line: `FILE:LINE:COL`, `FILE:#OFFSET`, or `-:LINE:COL` for a buffer on standard input."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from repocomp.document import PositionEncoding
from repocomp.errors import CursorError, DocumentError
from repocomp.named_files import read_named
from repocomp.serve.protocol import LIMIT_BYTES
from repocomp.service.question import Place

STDIN = "-"
_LINE_COLUMN = re.compile(r"(?P<file>.+):(?P<line>\d{1,18}):(?P<column>\d{1,18})", re.S | re.A)
_OFFSET = re.compile(r"(?P<file>.+):#(?P<offset>\d{1,18})", re.S | re.A)
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Cursor:
    """A parsed cursor: a file name (`-` is standard input), and either line and column from 1, or a byte offset."""

    file: str
    line: int | None = None
    column: int | None = None
    offset: int | None = None

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read from the right, since names may hold colons. Raises CursorError."""
        if match := _OFFSET.fullmatch(text):
            return cls(match["file"], offset=int(match["offset"]))
        if match := _LINE_COLUMN.fullmatch(text):
            return cls(match["file"], int(match["line"]), int(match["column"]))
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        raise CursorError(f"{shown!r} is not a cursor", "write FILE:LINE:COL or FILE:#OFFSET, as in src/app.py:42:17")

    def place(self, encoding: PositionEncoding) -> Place:
        """The place it names, its columns counted in `encoding`."""
        return Place(self.line or 0, self.column or 0, self.offset, encoding)


def read(cursor: Cursor, stdin_filename: str | None) -> tuple[Path, bytes]:
    """The file's path and its bytes, read once. Raises DocumentError when there is nothing to read."""
    if cursor.file == STDIN:
        if stdin_filename is None:
            raise CursorError("a buffer on standard input needs a name", "add --stdin-filename FILE")
        return Path(stdin_filename), standard_input()
    path = Path(stdin_filename or cursor.file)
    try:
        return path, read_named(cursor.file, LIMIT_BYTES)
    except FileNotFoundError:
        raise DocumentError(
            f"{cursor.file}: no such file", "check the path, or pass the buffer with -:LINE:COL"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DocumentError(f"{cursor.file}: {reason}", "name a readable text file") from None


def standard_input() -> bytes:
    """All of standard input. Raises DocumentError where it is closed or cannot be read."""
    if sys.stdin is None:
        raise DocumentError("standard input is closed", "pass the text on it, or name a file")
    try:
        data = sys.stdin.buffer.read(LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DocumentError(f"standard input: {error}", "pass the text on it, or name a file") from None
    if len(data) > LIMIT_BYTES:
        raise DocumentError(f"standard input: larger than {LIMIT_BYTES:,} bytes", "name a text file")
    return data
