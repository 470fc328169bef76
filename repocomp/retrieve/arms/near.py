"""What lies near the cursor by other measures than text.

The same file out of sight, what it imports, its neighbours, files that commits change together with it, files that were
edited last. Nearness chooses the files, the rare words around the cursor choose the windows in them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from repocomp.lru import LruCache
from repocomp.retrieve.arms.lexical import Floats, for_each_place, hits, places_of, statistics, top_chunks, wanted
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.resolve import bindings
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Chunk, ChunkKind, Postings, Segment
from repocomp.terms import words

_KIND = ChunkKind.WINDOW_10
_BEFORE_LINES, _AFTER_LINES = 12, 4
_HALF_LIFE_LINES = 4
_SAME, _IMPORTED, _TOGETHER, _SIBLING, _RECENT = 1.0, 0.8, 0.7, 0.5, 0.6
_SIBLINGS, _LATEST = 60, 8
_QUERIES = 8
"""As many of the last queries keep their near files."""


@dataclass(frozen=True, slots=True)
class Near:
    """Windows of near files that share the rare words around the cursor."""

    name: str = "near"

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The windows as they stand."""
        closeness = near_contents(reader, query)
        weights = word_weights(query)
        lists = reader.segments.postings(_KIND, sorted(weights)) if closeness else []
        if not lists:
            return []
        count, _, frequency = statistics(reader, _KIND, lists)
        gains = {term: weights[term] * math.log(1 + count / (1 + df)) for term, df in frequency.items()}
        table = np.zeros(max(closeness) + 1)
        table[list(closeness)] = list(closeness.values())

        def score(segment: Segment, lists: Sequence[Postings]) -> Floats:
            total = np.bincount(places_of(lists), for_each_place(lists, gains), minlength=len(segment.chunks))
            near = np.where(segment.contents < len(table), table[np.minimum(segment.contents, len(table) - 1)], 0.0)
            return np.asarray(total * near, dtype=np.float64)

        scored = top_chunks(reader, _KIND, lists, score, wanted(top_k))
        return hits(reader, query, self.name, scored, top_k, _whole)


def near_contents(reader: IndexReader, query: Query) -> dict[int, float]:
    """Contents of near files and how near each is, in 0..1; the best reason counts."""
    return reader.cached("near contents", _last_queries).get_or(query, lambda: _near_contents(reader, query))


# The arm and the ranker ask about the same query, one after the other.
def _last_queries() -> LruCache[Query, dict[int, float]]:
    return LruCache(_QUERIES)


def _near_contents(reader: IndexReader, query: Query) -> dict[int, float]:
    folder = query.path[: query.path.rfind("/") + 1]
    imported = [path for binding in bindings(reader, query) for path in binding.paths]
    siblings = reader.files.below(folder, _SIBLINGS)
    together = reader.files.changed_with(query.path)
    recent = reader.files.recent(_LATEST)
    held = {**siblings, **reader.files.contents_of([query.path, *imported, *together, *recent])}
    nearness: dict[str, float] = {path: _SIBLING for path in siblings if "/" not in path[len(folder) :]}
    nearness |= dict.fromkeys(recent, _RECENT)
    nearness |= dict.fromkeys(together, _TOGETHER)
    nearness |= dict.fromkeys(imported, _IMPORTED)
    nearness[query.path] = _SAME
    closeness: dict[int, float] = {}
    for path, value in nearness.items():
        if path in held:
            closeness[held[path]] = max(value, closeness.get(held[path], 0.0))
    return closeness


def word_weights(query: Query) -> Mapping[str, float]:
    """Words around the cursor, those on nearer lines weighing more; a word counts where it stands nearest."""
    return _word_weights(query)


# Two arms and the ranker ask about the same query, one after the other.
@lru_cache(maxsize=1)
def _word_weights(query: Query) -> Mapping[str, float]:
    weights: dict[str, float] = {}
    before = query.last_lines(_BEFORE_LINES).split("\n")[::-1]
    after = query.next_lines(_AFTER_LINES).split("\n")
    for lines in (before, after):
        for distance, line in enumerate(lines):
            weight = 0.5 ** (distance / _HALF_LIFE_LINES)
            for word in words(line):
                if weights.get(word, 0.0) < weight and not word.isdigit():
                    weights[word] = weight
    return weights


def _whole(chunk: Chunk) -> tuple[int, int]:
    return chunk.start_line, chunk.end_line
