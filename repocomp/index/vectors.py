"""Vectors of what is indexed: made after everything else, a batch at a time, so that nobody waits for them.

An encoder reads the syntax chunks of contents that it has not read before. Each batch is one transaction and one
segment, so an end at any moment keeps what is done, and the next run goes on from there. The vectors of another encoder
are dropped first: the two cannot be compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from repocomp.index.chunk import Terms
from repocomp.index.segments import merge_all, merge_small, postings
from repocomp.progress import OnProgress, Progress
from repocomp.store.connect import Connection, transaction
from repocomp.store.index.connect import writing_index
from repocomp.store.index.contents import content_ids, content_lines
from repocomp.store.index.facts import ENCODER, fact, set_fact
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import WEIGHT_STEP, ChunkKind, Vectors
from repocomp.store.index.segments import (
    add_postings,
    add_segment,
    add_vectors,
    chunk_counts,
    chunks_of,
    delete_segments,
    read_segments,
)
from repocomp.store.paths import index_path

_BATCH_CHUNKS = 2048
_MOST = np.iinfo(np.uint16).max
_PEAK = 127


class Encoded(Protocol):
    """What an encoder makes of texts; see `model.encoder.Encoded`."""

    dense: npt.NDArray[np.float32]
    owners: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


class Encoder(Protocol):
    """Reads chunks."""

    digest: str

    def encode_chunks(self, texts: Sequence[str]) -> Any:  # noqa: ANN401  (an `Encoded`, whatever its class)
        """Vectors and sparse weights of `texts`."""


@dataclass(frozen=True, slots=True)
class VectorReport:
    """What a run did: chunks read by the encoder now, and those it had read before."""

    encoded: int
    known: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Chunks of whole contents: their numbers, the content of each, and their texts."""

    chunks: list[int]
    contents: list[int]
    texts: list[str]


def build_vectors(root: Path, encoder: Encoder, progress: OnProgress | None = None) -> VectorReport:
    """Encode what the index of `root` holds and has no vectors yet. Raises StoreError."""
    return encode_at(index_path(root), encoder, progress)


def has_vectors(root: Path) -> bool:
    """Whether vectors were made for the index of `root`, so that they are to follow it. Raises StoreError."""
    reader = IndexReader.open(root)
    if reader is None:
        return False
    with reader:
        return reader.fact(ENCODER) is not None


def encode_at(path: Path, encoder: Encoder, progress: OnProgress | None = None) -> VectorReport:
    """Encode the chunks of the index in the file `path`; `progress` is told of each batch."""
    started = time.monotonic()
    with writing_index(path) as connection:
        _begin(connection, encoder.digest)
        known = _encoded(connection)
        pending = _pending(connection, known)
        total, done = sum(count for _, count in pending), 0
        for batch in _batches(connection, [content for content, _ in pending]):
            encoded = encoder.encode_chunks(batch.texts)
            with transaction(connection):
                _write(connection, encoder.digest, batch, encoded)
            done += len(batch.chunks)
            if progress is not None:
                progress(Progress(done, total, "encoding"))
        if done:
            # All segments after a run that made most of what there is, else where there are many.
            merge = merge_all if done >= len(known) else merge_small
            with transaction(connection):
                merge(connection, ChunkKind.ENCODED)
    return VectorReport(done, len(known), time.monotonic() - started)


def _begin(connection: Connection, digest: str) -> None:
    """Make room for the vectors of this encoder, where there are those of another."""
    with transaction(connection):
        if fact(connection, ENCODER) != digest:
            delete_segments(connection, ChunkKind.ENCODED)
            set_fact(connection, ENCODER, digest)


def _encoded(connection: Connection) -> npt.NDArray[np.uint32]:
    """The content of every chunk that has a vector."""
    segments = read_segments(connection, ChunkKind.ENCODED)
    return np.concatenate([np.zeros(0, np.uint32), *(segment.contents for segment in segments)])


def _pending(connection: Connection, known: npt.NDArray[np.uint32]) -> list[tuple[int, int]]:
    """(content, number of chunks) of the live contents without vectors."""
    done = set(np.unique(known).tolist())
    return [row for row in chunk_counts(connection, ChunkKind.SYNTAX) if row[0] not in done]


def _batches(connection: Connection, contents: Sequence[int]) -> Iterator[_Batch]:
    batch = _Batch([], [], [])
    for content in contents:
        lines = content_lines(connection, content)
        for chunk in chunks_of(connection, content, ChunkKind.SYNTAX):
            batch.chunks.append(chunk.id)
            batch.contents.append(content)
            batch.texts.append("\n".join(lines[chunk.start_line - 1 : chunk.end_line]))
        if len(batch.chunks) >= _BATCH_CHUNKS:
            yield batch
            batch = _Batch([], [], [])
    if batch.chunks:
        yield batch


def _write(connection: Connection, digest: str, batch: _Batch, encoded: Encoded) -> None:
    """Write what is still wanted of a batch: another run may have been here, or dropped a content."""
    if fact(connection, ENCODER) != digest:
        return
    contents = np.array(batch.contents, dtype=np.uint32)
    keep = np.isin(contents, content_ids(connection)) & ~np.isin(contents, _encoded(connection))
    if not keep.any():
        return
    places = np.cumsum(keep) - 1
    chunks = np.array(batch.chunks)[keep]
    kept = keep[encoded.owners]
    owners, weights = places[encoded.owners[kept]], encoded.weights[kept]
    levels = np.clip(np.rint(weights / WEIGHT_STEP), 1, _MOST).astype(np.int64)
    tokens, terms = np.unique(encoded.tokens[kept], return_inverse=True)
    lengths = np.bincount(owners, minlength=len(chunks))
    segment = add_segment(connection, ChunkKind.ENCODED, chunks, lengths, contents[keep])
    by_token = Terms([str(token) for token in tokens], owners, terms, levels)
    add_postings(connection, ChunkKind.ENCODED, postings(ChunkKind.ENCODED, segment, by_token))
    add_vectors(connection, _rounded(segment, encoded.dense[keep]))


def _rounded(segment: int, dense: npt.NDArray[np.float32]) -> Vectors:
    """The rows of `dense` [size, d] in 8 bits, each by its own largest magnitude."""
    scales = np.maximum(np.abs(dense).max(axis=1, initial=0.0), np.finfo(np.float32).tiny) / _PEAK
    levels = np.rint(dense / scales[:, None]).astype(np.int8)
    return Vectors(segment, levels, scales.astype(np.float32))
