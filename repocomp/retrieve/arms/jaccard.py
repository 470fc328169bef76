r"""The paper's retriever: windows whose word sets overlap most with the lines before the cursor.

Exact Jaccard similarity of `\w+` sets over 20-line windows with stride 10; what is given is the window that follows
the match, since what came next there is what may come next here (RepoCoder, Repoformer).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from repocomp.retrieve.arms.lexical import Floats, hits, top_chunks, wanted
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Chunk, ChunkKind, Postings, Segment
from repocomp.terms import words

_LINES = {ChunkKind.WINDOW_20: 20, ChunkKind.WINDOW_10: 10}


_COMMON = 8
"""A word that more than one window in so many has is counted by adding a mask of all windows: no places to look up."""
_MOST_MASKS = 255

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Jaccard:
    """Windows of `kind`; the query is as many lines as a window has."""

    name: str = "jaccard"
    kind: ChunkKind = ChunkKind.WINDOW_20

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The windows after the most similar ones."""
        scored = self.scored(reader, query, wanted(top_k))
        return hits(reader, query, self.name, scored, top_k, lambda chunk: self.following(reader, chunk))

    def scored(self, reader: IndexReader, query: Query, number: int) -> list[tuple[float, int]]:
        """(similarity, chunk) of the `number` best windows themselves, those tied with the last one included."""
        names = set(words(query.last_lines(_LINES[self.kind])))
        lists = reader.segments.postings(self.kind, sorted(names))

        def score(segment: Segment, lists: Sequence[Postings]) -> Floats:
            shared = _shared(reader, segment, lists).astype(np.float64)
            return np.asarray(shared / (len(names) + segment.lengths - shared), dtype=np.float64)

        return top_chunks(reader, self.kind, lists, score, number) if names else []

    def following(self, reader: IndexReader, chunk: Chunk) -> tuple[int, int]:
        """The lines of the window that follows."""
        size = _LINES[self.kind]
        last = len(reader.contents.lines(chunk.content_id))
        start = min(chunk.start_line + size // 2, max(1, last - size // 2))
        return start, min(last, start + size - 1)


def _shared(reader: IndexReader, segment: Segment, lists: Sequence[Postings]) -> npt.NDArray[np.intp]:
    """How many of the words each window has [size]."""
    size = len(segment.chunks)
    common = [one for one in lists if len(one.places) * _COMMON > size][:_MOST_MASKS]
    added = np.zeros(size, dtype=np.uint8)
    for one in common:
        added += reader.cached(("mask", segment.id, one.term), partial(_mask, one, size))
    held = {one.term for one in common}
    rest = [one.places for one in lists if one.term not in held]
    return np.bincount(np.concatenate([np.zeros(0, np.uint32), *rest]), minlength=size) + added


def _mask(postings: Postings, size: int) -> Mask:
    mask = np.zeros(size, dtype=np.uint8)
    mask[postings.places] = 1
    return mask
