"""Units of code to type anew: whole lines without which a file is as well-formed as with them.

So a file looks before somebody writes something new. Where any stretch is cut out, brackets behind it are left without
their halves, and an answer is judged by a file that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from repocomp.document import Document
from repocomp.languages.formats import language_in
from repocomp.languages.table import parser

_LEAST_BYTES, _MOST_BYTES = 3000, 100_000
_SPARE = 400
"""Characters that a unit may be longer than what is wanted of it."""
_TRIES = 400
"""Stretches of a file that are looked at."""


def unit_of(document: Document, least: int) -> tuple[int, int] | None:
    """Where a unit of at least so many ASCII characters stands near the middle of a file; None without one."""
    data = document.data
    known = parser(language_in(document.path, data))
    if known is None or not _LEAST_BYTES <= len(data) <= _MOST_BYTES:
        return None
    for _, (start, end) in zip(range(_TRIES), _stretches(data, least), strict=False):
        if not known.parse(data[:start] + data[end:]).root_node.has_error:
            return start, end
    return None


def _stretches(data: bytes, least: int) -> Iterator[tuple[int, int]]:
    """Whole lines from the middle on that might be a unit, to judge by their depth."""
    lines = data.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    middle = next(number for number, start in enumerate(starts) if start >= len(data) // 2)
    for first in range(middle, len(lines)):
        if not lines[first].strip() or lines[first].lstrip()[:1] in b")]}":
            continue
        for last in range(first + 1, len(lines)):
            size = starts[last] - starts[first]
            if size > least + _SPARE:
                break
            if size > least and _is_level(lines[first:last], lines[last]) and data[: starts[last]][-size:].isascii():
                yield starts[first], starts[last]


def _is_level(unit: list[bytes], below: bytes) -> bool:
    """Whether no line of a unit, nor the one below, belongs to what stands above the unit or in it."""
    depth = _depth(unit[0])
    return min(_depth(line) for line in unit if line.strip()) == depth and (not below.strip() or _depth(below) <= depth)


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip())
