"""Neural retrieval: the chunks whose vectors lie nearest to that of the lines before the cursor.

The scan is exact over 8-bit vectors; the best of it are scored again with the question's own floats. Chunks that have
no vector yet are not found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from repocomp.model.encoder import ASKED_LINES, Encoder, Floats, shipped_encoder
from repocomp.model.scan import Scan
from repocomp.retrieve.arms.lexical import hits, wanted
from repocomp.retrieve.hit import Hit, Unavailable
from repocomp.retrieve.query import Query
from repocomp.store.index.facts import ENCODER
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Chunk, ChunkKind, Vectors

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
        asked = encoder.encode_question(query.last_lines(ASKED_LINES)).dense[0]
        scored = nearest(reader, asked, wanted(top_k)) if asked.any() else []
        return hits(reader, query, self.name, scored, top_k, whole)


def fitting(opened: Callable[[], Encoder | None], reader: IndexReader) -> Encoder:
    """The encoder, if the index's vectors are its own. Raises Unavailable."""
    encoder = opened()
    if encoder is None:
        raise Unavailable("the built-in pack has no encoder", "use other --arms")
    if reader.fact(ENCODER) != encoder.digest:
        raise Unavailable("the index has no vectors of this encoder", "repocomp index --vectors")
    return encoder


def nearest(reader: IndexReader, asked: Floats, number: int) -> list[tuple[float, int]]:
    """The `number` best (cosine, chunk number) over all segments, where the question has the vector `asked` [d]."""
    segments = {segment.id: segment for segment in reader.segments.all(ChunkKind.ENCODED)}
    levels, scales, chunks = [np.zeros((0, len(asked)), np.int8)], [np.zeros(0, np.float32)], [np.zeros(0, np.uint32)]
    for vectors in reader.segments.vectors():
        segment = segments.get(vectors.segment_id)
        if segment is None or not len(vectors.scales):
            continue
        places = best_places(vectors, asked, max(number, RESCORED), reader.segments.dead(segment))
        levels.append(vectors.levels[places])
        scales.append(vectors.scales[places])
        chunks.append(segment.chunks[places])
    all_scores = np.concatenate(levels).astype(np.float32) @ asked * np.concatenate(scales)
    all_chunks = np.concatenate(chunks)
    best = np.lexsort((all_chunks, -all_scores))[:number]
    return [(float(all_scores[at]), int(all_chunks[at])) for at in best]


def best_places(
    vectors: Vectors, asked: Floats, number: int, dead: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The places of the `number` best by 8-bit score, those that are `dead` left out, in no order."""
    scores = _scan(vectors).products(asked) * vectors.scales
    if dead is not None:
        scores[dead] = -np.inf
    floor = np.partition(scores, len(scores) - number)[len(scores) - number] if len(scores) > number else -np.inf
    places = np.flatnonzero(scores >= floor)
    return places[scores[places] > -np.inf]


# A segment's vectors stay the same object as long as the reader holds them.
@lru_cache(maxsize=64)
def _scan(vectors: Vectors) -> Scan:
    return Scan(vectors.levels)


def whole(chunk: Chunk) -> tuple[int, int]:
    """All lines of a chunk."""
    return chunk.start_line, chunk.end_line
