"""Learned sparse retrieval (as SPLADE, without expansion): tokens that the encoder holds to matter, on both sides.

The score is the product of the two weights, summed over the tokens that a chunk shares with the lines before the
cursor. Posting lists and their scoring are those of BM25.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.model.encoder import ASKED_LINES, Encoder, shipped_encoder
from repocomp.retrieve.arms.dense import fitting, whole
from repocomp.retrieve.arms.lexical import Floats, hits, top_chunks, wanted
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import WEIGHT_STEP, ChunkKind, Postings, Segment


@dataclass(frozen=True, slots=True)
class Sparse:
    """Syntax chunks that share weighty tokens; `encoder` opens what made the index's weights."""

    name: str = "sparse"
    encoder: Callable[[], Encoder | None] = shipped_encoder

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The best chunks as they stand. Raises Unavailable without vectors."""
        encoder = fitting(self.encoder, reader)
        question = encoder.encode_question(query.last_lines(ASKED_LINES))
        weights = {str(token): float(weight) for token, weight in zip(question.tokens, question.weights, strict=True)}
        lists = reader.segments.postings(ChunkKind.ENCODED, sorted(weights))

        def score(segment: Segment, lists: Sequence[Postings]) -> Floats:
            total = np.zeros(len(segment.chunks))
            for postings in lists:
                if postings.counts is not None:
                    total[postings.places] += weights[postings.term] * WEIGHT_STEP * postings.counts
            return total

        scored = top_chunks(reader, ChunkKind.ENCODED, lists, score, wanted(top_k)) if lists else []
        return hits(reader, query, self.name, scored, top_k, whole)
