"""Diffs that are being edited: what the file will hold around a cursor in one of their hunks."""

from __future__ import annotations

import re

from repocomp.languages.embedded import Embedded
from repocomp.languages.language import TEXT
from repocomp.languages.table import language_of

_HUNK = "@@ "
_TARGET = re.compile(r"\+\+\+ \"?(?:[a-z]/)?([^\t\"]*)")
_NEW_SIDE, _HUNK_LINE = (" ", "+"), (" ", "+", "-", "\\")


def new_side(text: str, at: int) -> Embedded | None:
    """The lines that the cursor's file has or gets, hunk after hunk; None where the cursor stands in none of them."""
    lines = text.split("\n")
    row = text.count("\n", 0, at)
    column = at - (text.rfind("\n", 0, at) + 1)
    first, last = _file_around(lines, row)
    target = next((found[1] for line in lines[first:last] if (found := _TARGET.match(line))), "")
    kept: list[str] = []
    offset = None
    is_hunk = False
    for number, line in enumerate(lines[first:last], first):
        is_hunk = line.startswith(_HUNK) or (is_hunk and (line.startswith(_HUNK_LINE) or not line))
        if line.startswith(_NEW_SIDE) and is_hunk:
            if number == row and column:
                offset = sum(len(above) + 1 for above in kept) + column - 1
            kept.append(line[1:])
        elif line.startswith(_HUNK) and kept:
            kept.append("")
    if offset is None or language_of(target) == TEXT:
        return None
    return Embedded("\n".join([*kept, ""]), offset, language_of(target), keeps_lines=False, line_end="\n+")


def _file_around(lines: list[str], row: int) -> tuple[int, int]:
    """The half-open range of lines that speak of the same file as line `row`."""
    heads = [number for number, line in enumerate(lines) if line.startswith("+++ ") and lines[number - 1][:4] == "--- "]
    first = max((number for number in heads if number <= row), default=0)
    last = min((number for number in heads if number > row), default=len(lines) + 1)
    return first, last - 1
