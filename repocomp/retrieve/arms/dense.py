"""Neural retrieval: the chunks whose vectors lie nearest to that of the lines before the cursor.

The scan is exact over 8-bit vectors; the best of it are scored again with the question's own floats. Chunks that have
no vector yet are not found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from repocomp.model.encoder import ASKED_LINES, Encoder, Floats, shipped_encoder
from repocomp.model.scan import Scan
from repocomp.retrieve.arms.lexical import hits, wanted
from repocomp.retrieve.hit import Hit, Unavailable
from repocomp.retrieve.query import Query
from repocomp.store.index.facts import ENCODER
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Chunk, ChunkKind, Vectors

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

RESCORED = 50
"""As many are scored again: rounding to 8 bits moves a chunk by a few ranks."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Syntax chunks near in meaning; `encoder` opens what made the index's vectors."""

    name: str = "dense"
    encoder: Callable[[], Encoder | None] = shipped_encoder

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The nearest chunks as they stand. Raises Unavailable without vectors."""
        encoder = fitting(self.encoder, reader)
        question = encoder.encode_question(query.last_lines(ASKED_LINES)).dense[0]
        scored = nearest(reader, question, wanted(top_k)) if question.any() else []
        return hits(reader, query, self.name, scored, top_k, whole)


def fitting(opened: Callable[[], Encoder | None], reader: IndexReader) -> Encoder:
    """The encoder, if the index's vectors are its own. Raises Unavailable."""
    encoder = opened()
    if encoder is None:
        raise Unavailable("the built-in pack has no encoder", "use other --arms")
    if reader.fact(ENCODER) != encoder.digest:
        raise Unavailable("the index has no vectors of this encoder", "repocomp index --vectors")
    return encoder


def nearest(reader: IndexReader, question: Floats, number: int) -> list[tuple[float, int]]:
    """The `number` best (cosine, chunk number) over all segments, best first, for the vector `question` [d].

    Those tied with the last one are included, and which are scored again does not depend on how segments were merged.
    """
    by_id = {segment.id: segment for segment in reader.segments.all(ChunkKind.ENCODED)}
    rough: list[Floats] = [np.zeros(0, np.float32)]
    exact: list[Floats] = [np.zeros(0, np.float32)]
    chunks: list[npt.NDArray[np.uint32]] = [np.zeros(0, np.uint32)]
    deep = max(number, RESCORED)
    for vectors in reader.segments.vectors():
        segment = by_id.get(vectors.segment_id)
        if segment is None or not len(vectors.scales):
            continue
        scores = _rough_scores(vectors, question, reader.segments.dead(segment))
        places = _best(scores, deep)
        rough.append(scores[places])
        # A sum along each row: a matrix product may round by a row's place.
        exact.append((vectors.levels[places] * question).sum(axis=1) * vectors.scales[places])
        chunks.append(segment.chunks[places])
    is_deep = _best(np.concatenate(rough), deep)
    scores, numbers = np.concatenate(exact)[is_deep], np.concatenate(chunks)[is_deep]
    best = _best(scores, number)
    return sorted(zip(scores[best].tolist(), numbers[best].tolist(), strict=True), reverse=True)


def best_places(vectors: Vectors, question: Floats, number: int, dead: Mask | None = None) -> Places:
    """The places of the `number` best by 8-bit score, those that are `dead` left out, in no order."""
    return _best(_rough_scores(vectors, question, dead), number)


def _rough_scores(vectors: Vectors, question: Floats, dead: Mask | None) -> Floats:
    """8-bit scores [size] up to one positive factor, the same for all segments; -inf for what is `dead`."""
    scores = (_scan(vectors).products(question) * vectors.scales).astype(np.float32)
    if dead is not None:
        scores[dead] = -np.inf
    return scores


def _best(scores: Floats, number: int) -> Places:
    """The places of the `number` best scores, those tied with the last one included; none of -inf."""
    floor = np.partition(scores, len(scores) - number)[len(scores) - number] if len(scores) > number else -np.inf
    return np.flatnonzero((scores >= floor) & (scores > -np.inf))


# A segment's vectors stay the same object as long as the reader holds them.
@lru_cache(maxsize=64)
def _scan(vectors: Vectors) -> Scan:
    return Scan(vectors.levels)


def whole(chunk: Chunk) -> tuple[int, int]:
    """All lines of a chunk."""
    return chunk.start_line, chunk.end_line
