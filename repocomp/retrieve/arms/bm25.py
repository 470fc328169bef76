"""Full-text search: exact BM25 over identifier parts of syntax chunks, every query term counted.

Scores are those of Robertson and Zaragoza (2009) with k1 = 1.2, b = 0.75 and the non-negative idf
log(1 + (N - df + 0.5) / (df + 0.5)); document frequencies count live chunks only, so an index grown by deltas
scores as one made in one go. Terms near the cursor weigh more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.retrieve.arms.lexical import Floats, for_each_place, hits, places_of, statistics, top_chunks, wanted
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind, Postings, Segment
from repocomp.terms import parts, words

K1, B = 1.2, 0.75

_BEFORE_LINES, _AFTER_LINES = 20, 4
_HALF_LIFE_LINES = 6


@dataclass(frozen=True, slots=True)
class Bm25:
    """Definitions and statements that use the rare words of the cursor's surroundings."""

    name: str = "bm25"

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The best chunks as they stand."""
        scored = self.scored(reader, query, wanted(top_k))
        return hits(reader, query, self.name, scored, top_k, lambda chunk: (chunk.start_line, chunk.end_line))

    def scored(self, reader: IndexReader, query: Query, number: int) -> list[tuple[float, int]]:
        """The best (score, chunk number), those tied with the last one included."""
        weights = term_weights(query)
        lists = reader.segments.postings(ChunkKind.SYNTAX, sorted(weights))
        count, mean, frequency = statistics(reader, ChunkKind.SYNTAX, lists)
        gains = {
            term: weights[term] * math.log(1 + (count - df + 0.5) / (df + 0.5)) * (K1 + 1)
            for term, df in frequency.items()
        }

        def score(segment: Segment, lists: Sequence[Postings]) -> Floats:
            each = for_each_place(lists, gains) * _shares(reader, segment, lists, mean)
            return np.asarray(np.bincount(places_of(lists), each, minlength=len(segment.chunks)), dtype=np.float64)

        return top_chunks(reader, ChunkKind.SYNTAX, lists, score, number) if lists else []


def term_weights(query: Query) -> dict[str, float]:
    """Query terms with weights: halved every few lines away from the cursor, repeats adding up."""
    weights: defaultdict[str, float] = defaultdict(float)
    before = query.last_lines(_BEFORE_LINES).split("\n")[::-1]
    after = query.next_lines(_AFTER_LINES).split("\n")
    for lines in (before, after):
        for distance, line in enumerate(lines):
            for word in words(line):
                for part in parts(word):
                    weights[part] += 0.5 ** (distance / _HALF_LIFE_LINES)
    return {term: math.sqrt(weight) for term, weight in weights.items() if not term.isdigit()}


# What a term is worth in a chunk is the same for every query until the index changes: half of the arithmetic.
def _shares(reader: IndexReader, segment: Segment, lists: Sequence[Postings], mean: float) -> Floats:
    """Tf / (tf + norm) of each place's term, in the order of `places_of`; 0 to 1."""
    by_key = {("share", segment.id, one.term): one for one in lists}

    def read(keys: Sequence[tuple[str, int, str]]) -> dict[tuple[str, int, str], Floats]:
        some = [by_key[key] for key in keys]
        tf = _counts(some)
        share = tf / (tf + K1 * (1 - B + B * segment.lengths[places_of(some)] / mean))
        parted = np.split(share, np.cumsum([len(one.places) for one in some])[:-1])
        return dict(zip(keys, parted, strict=True))

    return np.concatenate(reader.cached_many(by_key, read, lambda: np.zeros(0)))


def _counts(lists: Sequence[Postings]) -> Floats:
    """How often each place holds its term, in the order of `places_of`; lists of this kind all have counts."""
    return np.concatenate([one.counts for one in lists if one.counts is not None]).astype(np.float64)
