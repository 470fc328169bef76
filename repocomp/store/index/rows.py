"""The records that index and retrieve share: what one content, chunk, symbol or posting list is.

Everything an index knows hangs on a *content* (the bytes of a file, by digest), never on a path: a renamed file, a
copy and a branch seen before cost nothing. Lines count from 1 and ranges of lines are inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

PLACE = np.dtype("<u4")
"""How chunk numbers, places and line numbers lie in a BLOB."""
COUNT = np.dtype("<u2")
"""How term counts lie in a BLOB."""
SCALE, LEVEL = np.dtype("<f4"), np.dtype("i1")
"""How the scales and the levels of vectors lie in a BLOB."""
WEIGHT_STEP = 1 / 256
"""Of the learned weights, which lie as whole numbers in posting lists."""


class ChunkKind(IntEnum):
    """How a text was cut. Windows are fixed; syntax chunks follow definitions."""

    WINDOW_20 = 0
    """20 lines, stride 10: the paper's retriever setting. Its terms are sets of words, for Jaccard."""
    WINDOW_10 = 1
    """10 lines, stride 5: for short targets. Terms as above."""
    SYNTAX = 2
    """One definition, or a run of statements between definitions. Its terms are lower-cased identifier parts with
    weighted counts (name x3, signature x2, body x1), for BM25."""
    ENCODED = 3
    """Those syntax chunks that an encoder has read: no chunks of their own. Its terms are token ids in decimal, their
    weights learned, in steps of `WEIGHT_STEP`; beside its postings a segment has vectors."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of one content. `name` is the qualified name of the definition it holds, if it is one.

    `content_id` and `id` are 0 until it is stored.
    """

    kind: ChunkKind
    start_line: int
    end_line: int
    name: str | None = None
    content_id: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition. `qualified` is its dotted path inside the file, `parent` the class or base it belongs to."""

    content_id: int
    name: str
    qualified: str
    kind: str
    parent: str | None
    signature: str
    doc: str | None
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class FileRow:
    """A path of the work tree ("/" separated, relative) and the content it holds now."""

    path: str
    content_id: int
    language: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings written in one go, over chunks of one kind; posting lists name a chunk by its place in the segment.

    `chunks` [size] are the chunks' numbers, `lengths` [size] the number of distinct words or the weighted
    token count of each, `contents` [size] the content each belongs to.
    """

    id: int
    kind: ChunkKind
    chunks: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.uint32]
    contents: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """The vectors of one segment: row i is `levels[i] * scales[i]`, int8 [size, d] and float32 [size].

    The same object as long as they are the same.
    """

    segment_id: int
    levels: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]

    @classmethod
    def of(cls, segment_id: int, scales: bytes, levels: bytes) -> Vectors:
        """From the two BLOBs."""
        sizes = np.frombuffer(scales, SCALE)
        # Of none, even the number of columns is unknown.
        return cls(segment_id, np.frombuffer(levels, LEVEL).reshape(len(sizes), -1 if len(sizes) else 0), sizes)


class Postings(NamedTuple):
    """The chunks of one segment that hold one term: `places` ascending, `counts` their term weights (None: sets).

    A tuple, since an index is made of so many of them.
    """

    segment_id: int
    term: str
    places: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint16] | None

    @property
    def nbytes(self) -> int:
        """What the arrays occupy."""
        return self.places.nbytes + (0 if self.counts is None else self.counts.nbytes)
