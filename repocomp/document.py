"""A file as the completer sees it: bytes, a cursor in them, and the columns editors speak.

The bytes are the truth and are never normalised, so prefix + suffix is the document to the last byte. Lines and
columns count from 1, offsets from 0; a column counts code units of an encoding (UTF-8 unless the editor says
otherwise), and length + 1 is the end of the line.
"""

from __future__ import annotations

from bisect import bisect_right
from codecs import BOM_UTF8
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from repocomp.errors import CursorError, DocumentError
from repocomp.tree import printable


class PositionEncoding(Enum):
    """The code units an editor counts columns in."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"

    def length(self, text: str) -> int:
        """Code units of `text` in this encoding."""
        match self:
            case PositionEncoding.UTF8:
                return len(text.encode())
            case PositionEncoding.UTF16:
                return len(text.encode("utf-16-le")) // 2
            case PositionEncoding.UTF32:
                return len(text)

    def prefix(self, text: str, units: int) -> str | None:
        """The start of `text` that is `units` long, or None when that splits a character or overruns."""
        codec = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
        name, width = codec[self.value]
        data = text.encode(name)
        if units * width > len(data):
            return None
        try:
            return data[: units * width].decode(name)
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a document: `line` and `column` from 1 (column in UTF-8 bytes), `offset` a 0-based byte."""

    line: int
    column: int
    offset: int


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open stretch of a document."""

    start: Position
    end: Position


@dataclass(frozen=True)
class Document:
    """A text to complete: `path` as shown and as the model reads it, `data` its exact bytes.

    `language` is that of its code, None where path and content tell. `is_excerpt` where its lines are not numbered as
    those of the file.
    """

    path: str
    data: bytes
    language: str | None = None
    is_excerpt: bool = False

    def __post_init__(self) -> None:
        # Neither a tokenizer nor a database takes a name that is not UTF-8.
        object.__setattr__(self, "path", printable(self.path))

    @classmethod
    def from_bytes(cls, path: str, data: bytes) -> Document:
        """Check that `data` is UTF-8 text. Raises DocumentError for binary files and other encodings."""
        if b"\0" in data[:8192]:
            raise DocumentError(f"{path}: is a binary file", "complete a text file")
        try:
            data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise DocumentError(
                f"{path}:{line}: is not UTF-8 (byte 0x{data[error.start]:02x} at offset {error.start})",
                f"iconv -f LATIN1 -t UTF-8 {path}",
            ) from None
        return cls(path, data)

    @cached_property
    def _line_starts(self) -> list[int]:
        # A byte-order mark is no part of the first line: no editor counts it.
        starts = [len(BOM_UTF8) if self.data.startswith(BOM_UTF8) else 0]
        find = self.data.find
        at = find(b"\n")
        while at >= 0:
            starts.append(at + 1)
            at = find(b"\n", at + 1)
        return starts

    @property
    def line_count(self) -> int:
        """Lines, counting the empty one after a final newline, since a cursor may stand there."""
        return len(self._line_starts)

    def newline_at(self, position: Position) -> str:
        r"""The line end that belongs at `position`, `\r\n` or `\n`: that of its line, else of the line above."""
        end = self.data.find(b"\n", position.offset)
        if end < 0:
            end = self.data.rfind(b"\n")
        return "\r\n" if end > 0 and self.data[end - 1 : end] == b"\r" else "\n"

    def line(self, number: int) -> bytes:
        """The bytes of line `number` (from 1) without its line end."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] if number < self.line_count else len(self.data)
        whole = self.data[start:end]
        return whole[:-1].removesuffix(b"\r") if whole.endswith(b"\n") else whole

    def at(self, line: int, column: int, encoding: PositionEncoding = PositionEncoding.UTF8) -> Position:
        """The position of line and column, both from 1. Raises CursorError outside the document."""
        where = f"{self.path}:{line}:{column}"
        if not 1 <= line <= self.line_count:
            raise CursorError(
                f"{where}: the file has {self.line_count} line{'s' * (self.line_count != 1)}",
                f"use a line from 1 to {self.line_count}" if self.line_count > 1 else "use line 1",
            )
        text = self.line(line).decode()
        head = encoding.prefix(text, column - 1) if column >= 1 else None
        if head is None:
            last = encoding.length(text) + 1
            inside = 1 <= column <= last
            reason = "the column splits a character" if inside else f"line {line} has columns 1 to {last}"
            raise CursorError(f"{where}: {reason}", f"use a column from 1 to {last}, in {encoding.value} units")
        size = len(head.encode())
        return Position(line, size + 1, self._line_starts[line - 1] + size)

    def at_offset(self, offset: int) -> Position:
        """The position of a 0-based byte offset. Raises CursorError outside, or inside a character.

        Where no editor can stand, inside a line end or before a byte-order mark, it is the nearest place where one can.
        """
        if not 0 <= offset <= len(self.data):
            raise CursorError(
                f"{self.path}:#{offset}: the file has {len(self.data)} bytes",
                f"use an offset from 0 to {len(self.data)}",
            )
        if offset < len(self.data) and self.data[offset] & 0xC0 == 0x80:
            raise CursorError(f"{self.path}:#{offset}: the offset splits a character", "use a character's first byte")
        offset = max(offset, self._line_starts[0])
        offset -= self.data[offset - 1 : offset + 1] == b"\r\n"
        line = self._line_of(offset)
        return Position(line, offset - self._line_starts[line - 1] + 1, offset)

    def column(self, position: Position, encoding: PositionEncoding) -> int:
        """The column of `position` as an editor that counts in `encoding` says it."""
        start = self._line_starts[position.line - 1]
        return encoding.length(self.data[start : position.offset].decode()) + 1

    def _line_of(self, offset: int) -> int:
        return bisect_right(self._line_starts, offset)


def text_of(data: bytes) -> str:
    r"""The text of a file or a part of one: `\n` line ends, no byte-order mark, no characters that were cut in two."""
    return data.decode(errors="ignore").removeprefix("\ufeff").replace("\r\n", "\n")
