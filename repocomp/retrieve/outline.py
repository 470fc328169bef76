"""The shape of a file or a class in few tokens: the lines that declare members and fields, nothing of their bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from repocomp.languages.language import CONTAINERS
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Symbol

_SHORT_LINES = 16
"""A container without methods, no longer than this, is its own outline."""
_MOST_LINES = 24
_OWN_FIELD = re.compile(r"^\s*(?:self|this)\.(\w+)\s*(?::[^=]+)?=(?!=)|^\s*@(\w+)\s*=(?!=)")
_CLASS_FIELD = re.compile(r"^\s+(?:[\w<>\[\]?,.]+\s+){0,4}([^\W\d]\w*)\s*(?::|=(?!=)|;)")

Line = tuple[int, str]
"""A line number, from 1, and the line."""


def class_lines(reader: IndexReader, symbol: Symbol) -> list[Line]:
    """The header of a class, its docstring's first line, and what it declares."""
    lines = reader.contents.lines(symbol.content_id)
    members = [
        member
        for member in reader.symbols.of(symbol.content_id)
        if symbol.start_line < member.start_line <= symbol.end_line and member.parent == symbol.name
    ]
    if not members and symbol.end_line - symbol.start_line < _SHORT_LINES:
        return _numbered(lines, range(symbol.start_line, symbol.end_line + 1))
    fields = _fields(lines, symbol, members)
    chosen = sorted({symbol.start_line, *(member.start_line for member in members), *fields})
    doc = [(symbol.start_line, f"    {symbol.doc}")] if symbol.doc else []
    header, *rest = _numbered(lines, chosen)
    return [header, *doc, *rest]


def file_lines(reader: IndexReader, content_id: int) -> list[Line]:
    """The lines that open a file's definitions, those inside of functions left out."""
    symbols = reader.symbols.of(content_id)
    functions = [(s.start_line, s.end_line) for s in symbols if s.kind not in CONTAINERS]
    outer = [s.start_line for s in symbols if not any(a < s.start_line <= b for a, b in functions)]
    return _numbered(reader.contents.lines(content_id), sorted(set(outer)))


def out_of_sight(lines: Sequence[Line], visible: tuple[int, int]) -> Iterator[list[Line]]:
    """The lines before and after the visible ones, those nearest to them where they are many."""
    before = [line for line in lines if line[0] < visible[0]]
    after = [line for line in lines if line[0] > visible[1]]
    yield from (part for part in (before[-_MOST_LINES:], after[:_MOST_LINES]) if part)


def first_lines(lines: Sequence[Line]) -> list[Line]:
    """As many lines from the start as an outline may have."""
    return list(lines[:_MOST_LINES])


def _numbered(lines: Sequence[str], numbers: Sequence[int]) -> list[Line]:
    return [(number, lines[number - 1]) for number in numbers if 0 < number <= len(lines) and lines[number - 1].strip()]


def _fields(lines: Sequence[str], symbol: Symbol, members: Sequence[Symbol]) -> Iterator[int]:
    """The lines where a field is first assigned or declared."""
    seen: set[str] = set()
    inside = {line for member in members for line in range(member.start_line, member.end_line + 1)}
    for number in range(symbol.start_line + 1, min(symbol.end_line, len(lines)) + 1):
        pattern = _OWN_FIELD if number in inside else _CLASS_FIELD
        match = pattern.match(lines[number - 1])
        name = next((group for group in match.groups() if group), "") if match else ""
        if name and name not in seen:
            seen.add(name)
            yield number
