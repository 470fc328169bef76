"""Cutting a text into the chunks that retrieval ranks, and counting the terms of each.

Windows are the paper's: fixed runs of lines that overlap by half. Syntax chunks follow definitions: one chunk per
function, a class's own lines apart from its methods', runs of other statements between them; long stretches are cut.
Terms are counted for all pieces of a text at once, in numpy, from one pass over its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from repocomp.index.symbols import Definition
from repocomp.store.index.rows import Chunk, ChunkKind
from repocomp.terms import WORD, parts

Ints = npt.NDArray[np.int64]

WINDOWS = {ChunkKind.WINDOW_20: (20, 10), ChunkKind.WINDOW_10: (10, 5)}
"""Lines and stride of each kind of window."""

_MAX_LINES = 40
_MIN_LINES = 4
_MAX_COUNT = 65_535


@dataclass(frozen=True, slots=True)
class Terms:
    """Term counts of the pieces of one text: `pieces[i]` holds `vocabulary[terms[i]]` `counts[i]` times."""

    vocabulary: list[str]
    pieces: Ints
    terms: Ints
    counts: Ints


def windows(line_count: int, kind: ChunkKind) -> list[Chunk]:
    """Overlapping windows over lines 1 .. line_count, the last one ending with the text."""
    size, stride = WINDOWS[kind]
    number = max(1, -(-(line_count - (size - stride)) // stride))
    return [Chunk(kind, at * stride + 1, min(line_count, at * stride + size)) for at in range(number)]


def syntax_pieces(line_count: int, definitions: Sequence[Definition]) -> list[Chunk]:
    """Pieces that cover every line once, cut where definitions begin and end."""
    owner: list[Definition | None] = [None] * (line_count + 2)
    for definition in definitions:
        for line in range(definition.start_line, min(definition.end_line, line_count) + 1):
            owner[line] = definition
    pieces: list[Chunk] = []
    start = 1
    for line in range(2, line_count + 2):
        if line > line_count or owner[line] is not owner[start]:
            inside = owner[start]
            pieces.extend(_cut(start, line - 1, inside.qualified if inside is not None else None))
            start = line
    return _merge(pieces)


def _cut(start: int, end: int, name: str | None) -> list[Chunk]:
    """One piece, or several of equal length when it is too long."""
    number = -(-(end - start + 1) // _MAX_LINES)
    edges = [start + (end - start + 1) * at // number for at in range(number + 1)]
    return [Chunk(ChunkKind.SYNTAX, a, b - 1, name) for a, b in zip(edges, edges[1:], strict=False)]


def _merge(pieces: list[Chunk]) -> list[Chunk]:
    """Join crumbs (single statements, blank lines, one-line properties) with the piece before them."""
    merged: list[Chunk] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        is_crumb = piece.end_line - piece.start_line + 1 < _MIN_LINES
        if last is not None and is_crumb and piece.end_line - last.start_line < _MAX_LINES:
            merged[-1] = Chunk(ChunkKind.SYNTAX, last.start_line, piece.end_line, last.name or piece.name)
        else:
            merged.append(piece)
    return merged


@dataclass(frozen=True, slots=True)
class Words:
    """Every word of a text: `vocabulary`, and for each occurrence its term number and its line (from 0)."""

    vocabulary: list[str]
    terms: Ints
    lines: Ints

    @classmethod
    def of(cls, lines: Sequence[str]) -> Words:
        """Read the words of all lines once."""
        numbers: dict[str, int] = {}
        found = [[numbers.setdefault(word, len(numbers)) for word in WORD.findall(line)] for line in lines]
        terms = np.array([term for row in found for term in row], dtype=np.int64)
        places = np.repeat(np.arange(len(found)), [len(row) for row in found])
        return cls(list(numbers), terms, places)


def window_terms(words: Words, line_count: int, kind: ChunkKind) -> Terms:
    """The distinct words of each window, all counts 1."""
    size, stride = WINDOWS[kind]
    number = len(windows(line_count, kind))
    overlapping = size // stride
    pieces = (words.lines[:, None] // stride - np.arange(overlapping)[None, :]).ravel()
    terms = np.repeat(words.terms, overlapping)
    inside = (pieces >= 0) & (pieces < number)
    keys = np.unique(pieces[inside] << 32 | terms[inside])
    return Terms(words.vocabulary, keys >> 32, keys & 0xFFFFFFFF, np.ones(len(keys), dtype=np.int64))


def part_terms(words: Words, pieces: Sequence[Chunk], definitions: Sequence[Definition]) -> Terms:
    """Weighted identifier parts of each syntax piece: name x3, signature x2, body x1.

    Name and signature stand in the body too, so they are added two times and once.
    """
    starts = np.array([piece.start_line for piece in pieces])
    owners = np.searchsorted(starts, words.lines + 1, side="right") - 1
    numbers: dict[str, int] = {}
    of_word = [[numbers.setdefault(part, len(numbers)) for part in _indexed_parts(word)] for word in words.vocabulary]
    sizes = np.array([len(row) for row in of_word], dtype=np.int64)
    flat = np.array([part for row in of_word for part in row], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])[:-1] if len(sizes) else sizes
    repeat = sizes[words.terms]
    within = np.arange(int(repeat.sum())) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    terms = flat[np.repeat(offsets[words.terms], repeat) + within] if len(flat) else flat
    extra = [
        (owner, number, weight)
        for definition in definitions
        for owner in [int(np.searchsorted(starts, definition.start_line, side="right")) - 1]
        for text, weight in ((definition.name, 2), (definition.signature, 1))
        for word in WORD.findall(text)
        for number in [numbers.setdefault(part, len(numbers)) for part in _indexed_parts(word)]
    ]
    more = np.array(extra, dtype=np.int64).reshape(-1, 3)
    keys = np.concatenate([np.repeat(owners, repeat) << 32 | terms, more[:, 0] << 32 | more[:, 1]])
    weights = np.concatenate([np.ones(len(terms)), more[:, 2]])
    unique, inverse = np.unique(keys, return_inverse=True)
    counts = np.bincount(inverse, weights, minlength=len(unique)).astype(np.int64)
    return Terms(list(numbers), unique >> 32, unique & 0xFFFFFFFF, np.minimum(counts, _MAX_COUNT))


@lru_cache(maxsize=200_000)
def _indexed_parts(word: str) -> tuple[str, ...]:
    """The parts of a word that are worth a posting: no bare numbers, no absurdly long strings."""
    return tuple(part for part in parts(word) if len(part) <= 40 and not part.isdigit())
