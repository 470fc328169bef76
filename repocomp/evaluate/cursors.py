"""Holes at the cursors where people type: behind a space, a dot, an opening bracket, on an empty line, in a comment.

A request comes when typing pauses: at the border between two tokens, or inside a longer word. Each such border of a
file has a kind (`complete.cursor_kind`); kinds are drawn by how often people write at them (`cursor_weights.toml`).
What is missing is the rest of the line, up to the bracket or quote that an editor has closed in half of the places, or
a whole block where one is to be written.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from repocomp.complete.cursor_kind import CursorKind, kind_of
from repocomp.complete.finish.lexical import PAIRS, Region, walk
from repocomp.complete.finish.surroundings import Surroundings, indent_of
from repocomp.document import Document
from repocomp.evaluate.holes import MIN_CHARS, Hole, Source
from repocomp.languages.formats import language_in
from repocomp.languages.language import TEXT

_BORDER = re.compile(r"\w+|[^\S\n]+|[^\w\s]")
_QUOTES = "\"'`"
_PAUSE_CHARS = 4
"""Words from this length on are also completed in their middle."""
_TRIES = 60
_BLOCK_LINES = 12
_CLOSED_SHARE = 0.5
"""How many of the brackets and quotes that are opened the editor has closed already."""
_LAST_LINES = 12
"""So near to its end a file is taken to be written at its end."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one file, as offsets in characters of `text`, by kind."""

    source: Source
    text: str
    at: dict[CursorKind, list[int]]

    @classmethod
    def of(cls, source: Source) -> Cursors:
        """Look at every border between tokens."""
        data = source.document.data
        text = data.decode()
        language = language_in(source.document.path, data)
        found: dict[CursorKind, list[int]] = {}
        regions = _Regions(text, language)
        last = len(text.rstrip())
        for at in _borders(text):
            line = text[text.rfind("\n", 0, at) + 1 : at]
            kind = kind_of(line, text[at : at + 1] if at < last else "", regions.at(at), is_code=language != TEXT)
            found.setdefault(kind, []).append(at)
        if language != TEXT:
            blank = found.pop("blank", [])
            found["end"] = [at for at in blank if text.count("\n", at, last) < _LAST_LINES]
            found["blank"] = [at for at in blank if _line_end(text, at) < last]
        return cls(source, text, found)


class _Regions:
    """Strings and comments of a text, to be asked for any place of it."""

    def __init__(self, text: str, language: str) -> None:
        self._starts: list[int] = [0]
        self._regions: list[Region | None] = [None]
        for state in walk(text, language):
            self._starts.append(state.at)
            self._regions.append(state.region)

    def at(self, offset: int) -> Region | None:
        return self._regions[bisect_right(self._starts, offset) - 1]


def _borders(text: str) -> Iterator[int]:
    """Where typing pauses: in front of each token, and in the middle of longer words."""
    for match in _BORDER.finditer(text):
        at, token = match.start(), match[0]
        if token.isspace() and (not at or text[at - 1] == "\n"):
            # A line that is still empty is written from its indentation on.
            continue
        if token in _QUOTES and text[at - 1 : at] == token:
            # Nobody pauses within the three quotes that open a string.
            continue
        yield at
        if len(token) >= _PAUSE_CHARS and not token.isspace():
            yield at + len(token) // 2


@cache
def weights() -> dict[CursorKind, float]:
    """How often people write at each kind of place, as shares of 1."""
    text = Path(__file__).with_name("cursor_weights.toml").read_text(encoding="utf-8")
    shares: dict[CursorKind, float] = tomllib.loads(text)["weights"]
    return {kind: share / sum(shares.values()) for kind, share in shares.items()}


def sample_cursors(
    sources: Sequence[Source], kinds: Sequence[CursorKind], limit: int, rng: np.random.Generator
) -> list[Hole]:
    """Up to `limit` holes at cursors of `kinds`, kinds by weight, files at random."""
    shares = np.array([weights()[kind] for kind in kinds])
    known: dict[int, Cursors] = {}
    holes: dict[tuple[str, int], Hole] = {}
    for _ in range(_TRIES * limit if sources else 0):
        if len(holes) >= limit:
            break
        kind = kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]
        hole = _draw(sources, kind, known, rng)
        if hole is not None:
            holes.setdefault((hole.document.path, hole.start), hole)
    return list(holes.values())


def _draw(
    sources: Sequence[Source], kind: CursorKind, known: dict[int, Cursors], rng: np.random.Generator
) -> Hole | None:
    """A hole of a kind, from the first file that has one."""
    for _ in range(_TRIES):
        number = int(rng.integers(len(sources)))
        if number not in known:
            known[number] = Cursors.of(sources[number])
        cursors = known[number]
        if places := cursors.at.get(kind):
            return _cut(cursors, kind, places[int(rng.integers(len(places)))], rng)
    return None


def _cut(cursors: Cursors, kind: CursorKind, at: int, rng: np.random.Generator) -> Hole | None:
    """The hole whose cursor stands at `at`; None where hardly anything is missing."""
    text, document = cursors.text, cursors.source.document
    if kind == "end":
        # What stood behind was not written yet.
        line_end = _line_end(text, at)
        end = _block_end(text, at) if _is_block(text, at, line_end) else line_end
        text = text[: end + 1]
        document = Document(document.path, text.encode())
    else:
        end = _end(text, kind, at, rng.random() < _CLOSED_SHARE)
    missing = text[at:end].rstrip()
    if len(missing.strip()) < MIN_CHARS:
        return None
    start_byte = len(text[:at].encode())
    return Hole(document, start_byte, start_byte + len(missing.encode()), kind)


def _end(text: str, kind: CursorKind, at: int, is_closed: bool) -> int:
    """Where what is missing at a cursor ends."""
    line_end = _line_end(text, at)
    line = text[at:line_end]
    if kind == "blank" and _is_block(text, at, line_end):
        return _block_end(text, at)
    if kind == "string" or (kind == "docstring" and '"""' in line):
        quote = min((line.find(mark) for mark in "\"'`" if mark in line), default=len(line))
        return at + quote if is_closed or kind == "docstring" else line_end
    if kind == "bracket" and is_closed:
        return at + _closing(line, text[at - 1])
    return line_end


def _is_block(text: str, at: int, line_end: int) -> bool:
    return Surroundings.of(text[:at], text[line_end:]).mode == "block"


def _block_end(text: str, at: int) -> int:
    """The end of the block whose first line holds `at`: up to a line that is less deep, or some lines on."""
    depth = at - text.rfind("\n", 0, at) - 1
    end = _line_end(text, at)
    for _ in range(_BLOCK_LINES):
        following = text[end + 1 : _line_end(text, end + 1)]
        if not following.strip() or indent_of(following) < depth:
            break
        end = _line_end(text, end + 1)
    return end


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _closing(line: str, bracket: str) -> int:
    """Where the partner of `bracket`, which stands before `line`, is; its end where it is not on the line."""
    depth = 1
    for at, char in enumerate(line):
        depth += (char == bracket) - (PAIRS.get(char) == bracket)
        if not depth:
            return at
    return len(line)
