r"""The text of one document, and positions in it as the protocol counts them.

Lines end with `\n`, `\r\n` or `\r`; lines and characters count from 0, characters in code units of the encoding that
was agreed on. Each line is kept with its end, so the lines joined are the document, whatever is mixed in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from repocomp.document import PositionEncoding

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NEXT_PLANE = "\uffff"
"""Characters above take two code units of UTF-16."""


class Text:
    """A document that is edited in place. Positions outside of it are moved to the nearest place inside."""

    def __init__(self, text: str, encoding: PositionEncoding) -> None:
        self._encoding = encoding
        self._lines = _split(text)
        self._joined: str | None = text

    def __str__(self) -> str:
        if self._joined is None:
            self._joined = "".join(self._lines)
        return self._joined

    def change(self, change: Mapping[str, Any]) -> None:
        """Apply one change event: a range and its new text, or the whole text.

        Raises KeyError, TypeError or ValueError for anything else, and leaves the text as it was.
        """
        new = change["text"]
        if not isinstance(new, str):
            raise TypeError("text is no string")
        if change.get("range") is None:
            self._lines, self._joined = _split(new), new
            return
        first, start = self._place(change["range"]["start"])
        last, end = self._place(change["range"]["end"])
        if (last, end) < (first, start):
            raise ValueError("the range ends before it starts")
        new = self._lines[first][:start] + new + self._lines[last][end:]
        self._joined = None
        # What stood apart may now be the two halves of one line end.
        if first > 0:
            first -= 1
            new = self._lines[first] + new
        if last + 1 < len(self._lines):
            last += 1
            new += self._lines[last]
        self._lines[first : last + 1] = _split(new) if last + 1 == len(self._lines) else _split(new)[:-1]

    def until(self, position: Mapping[str, Any]) -> str:
        """The text before a position. Raises KeyError, TypeError or ValueError for what is none."""
        line, index = self._place(position)
        return "".join(self._lines[:line]) + self._lines[line][:index]

    def position(self, line: int, index: int) -> dict[str, int]:
        """The position of a character of a line, both from 0, as the protocol counts."""
        return {"line": line, "character": self._units(self._lines[line][:index])}

    def place(self, position: Mapping[str, Any]) -> tuple[int, str]:
        """The line of a position and what stands before it there."""
        line, index = self._place(position)
        return line, self._lines[line][:index]

    def _place(self, position: Mapping[str, Any]) -> tuple[int, int]:
        """Line and index of a position; one inside a character is moved to its start."""
        number, character = position["line"], position["character"]
        if not isinstance(number, int) or not isinstance(character, int) or number < 0 or character < 0:
            raise ValueError("a position has two whole numbers from 0")
        if number >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        line = self._lines[number].rstrip("\r\n")
        return number, min(self._index(line, character), len(line))

    def _index(self, line: str, units: int) -> int:
        """How many whole characters of `line` fit into so many code units."""
        if line.isascii() or self._encoding is PositionEncoding.UTF32:
            return units
        if self._encoding is PositionEncoding.UTF16 and max(line) <= _NEXT_PLANE:
            return units
        index = 0
        for character in line:
            units -= self._width(character)
            if units < 0:
                break
            index += 1
        return index

    def _width(self, character: str) -> int:
        match self._encoding:
            case PositionEncoding.UTF8:
                return len(character.encode(errors="surrogatepass"))
            case PositionEncoding.UTF16:
                return 2 if character > _NEXT_PLANE else 1
            case PositionEncoding.UTF32:
                return 1

    def _units(self, text: str) -> int:
        return len(text) if text.isascii() else sum(map(self._width, text))


def _split(text: str) -> list[str]:
    """The lines of `text` with their ends; the last one has none, and may be empty."""
    lines = _LINE.findall(text)
    if not lines or lines[-1][-1] in "\r\n":
        lines.append("")
    return lines
