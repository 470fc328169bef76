"""Vectors of what is indexed: made after everything else, a batch at a time, so that nobody waits for them.

An encoder reads the syntax chunks of contents that it has not read before. Each batch is one transaction and one
segment, so an end at any moment keeps what is done, and the next run goes on from there. The vectors of another encoder
are dropped first: the two cannot be compared.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from repocomp.index.chunk import Terms
from repocomp.index.segments import drop_contents, merge_small, new_segment, postings
from repocomp.index.vector_rows import write_vectors
from repocomp.index.write import remember
from repocomp.progress import OnProgress, Progress
from repocomp.store.connect import explained, open_index, transaction
from repocomp.store.index.queries import ENCODER, PLACE
from repocomp.store.index.rows import WEIGHT_STEP, ChunkKind
from repocomp.store.index.snapshot import IndexReader
from repocomp.store.paths import index_path

_BATCH_CHUNKS = 2048
_MOST = np.iinfo(np.uint16).max


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
    with explained(path):
        connection = open_index(path)
        try:
            _begin(connection, encoder.digest)
            known = _encoded(connection)
            wanted = _pending(connection, known)
            total, done = sum(count for _, count in wanted), 0
            for batch in _batches(connection, wanted):
                encoded = encoder.encode_chunks(batch.texts)
                with transaction(connection):
                    _write(connection, encoder.digest, batch, encoded)
                done += len(batch.chunks)
                if progress is not None:
                    progress(Progress(done, total, "encoding"))
            if done:
                with transaction(connection):
                    _merge(connection, is_large=done >= len(known))
        finally:
            connection.close()
    return VectorReport(done, len(known), time.monotonic() - started)


def _merge(connection: sqlite3.Connection, is_large: bool) -> None:
    """Join segments: all of them after a run that made most of what there is, else where there are many."""
    if is_large:
        drop_contents(connection, ChunkKind.ENCODED, np.array([], dtype=np.uint32))
    else:
        merge_small(connection, ChunkKind.ENCODED)


def _begin(connection: sqlite3.Connection, digest: str) -> None:
    """Make room for the vectors of this encoder, where there are those of another."""
    with transaction(connection):
        if _digest(connection) != digest:
            kind = (int(ChunkKind.ENCODED),)
            connection.execute("DELETE FROM vector")
            connection.execute("DELETE FROM posting WHERE kind = ?", kind)
            connection.execute("DELETE FROM segment WHERE kind = ?", kind)
            remember(connection, ENCODER, digest)


def _digest(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (ENCODER,)).fetchone()
    return None if row is None else str(row[0])


def _encoded(connection: sqlite3.Connection) -> npt.NDArray[np.uint32]:
    """The content of every chunk that has a vector."""
    rows = connection.execute("SELECT contents FROM segment WHERE kind = ?", (int(ChunkKind.ENCODED),))
    return np.concatenate([np.zeros(0, np.uint32), *(np.frombuffer(blob, PLACE) for (blob,) in rows)])


def _pending(connection: sqlite3.Connection, known: npt.NDArray[np.uint32]) -> list[tuple[int, int]]:
    """(content, number of chunks) of the live contents without vectors."""
    rows = connection.execute(
        "SELECT content_id, count(*) FROM chunk JOIN content ON content.id = content_id"
        " WHERE kind = ? AND live = 1 GROUP BY content_id ORDER BY content_id",
        (int(ChunkKind.SYNTAX),),
    )
    done = set(np.unique(known).tolist())
    return [(content, count) for content, count in rows if content not in done]


def _batches(connection: sqlite3.Connection, wanted: Sequence[tuple[int, int]]) -> Iterator[_Batch]:
    batch = _Batch([], [], [])
    for content, _ in wanted:
        row = connection.execute("SELECT text FROM content WHERE id = ?", (content,)).fetchone()
        lines = zlib.decompress(row[0]).decode().split("\n") if row is not None else []
        for chunk, start, end in connection.execute(
            "SELECT id, start_line, end_line FROM chunk WHERE content_id = ? AND kind = ? ORDER BY id",
            (content, int(ChunkKind.SYNTAX)),
        ).fetchall():
            batch.chunks.append(chunk)
            batch.contents.append(content)
            batch.texts.append("\n".join(lines[start - 1 : end]))
        if len(batch.chunks) >= _BATCH_CHUNKS:
            yield batch
            batch = _Batch([], [], [])
    if batch.chunks:
        yield batch


def _write(connection: sqlite3.Connection, digest: str, batch: _Batch, encoded: Encoded) -> None:
    """Write what is still wanted of a batch: another run may have been here, or dropped a content."""
    if _digest(connection) != digest:
        return
    contents = np.array(batch.contents, dtype=np.uint32)
    held = [number for (number,) in connection.execute("SELECT id FROM content")]
    keep = np.isin(contents, held) & ~np.isin(contents, _encoded(connection))
    if not keep.any():
        return
    places = np.cumsum(keep) - 1
    chunks = np.array(batch.chunks)[keep]
    kept = keep[encoded.owners]
    owners, weights = places[encoded.owners[kept]], encoded.weights[kept]
    levels = np.clip(np.rint(weights / WEIGHT_STEP), 1, _MOST).astype(np.int64)
    tokens, terms = np.unique(encoded.tokens[kept], return_inverse=True)
    lengths = np.bincount(owners, minlength=len(chunks))
    segment = new_segment(connection, ChunkKind.ENCODED, chunks, lengths, contents[keep].astype(np.int64))
    connection.executemany(
        "INSERT INTO posting VALUES (?, ?, ?, ?, ?)",
        postings(ChunkKind.ENCODED, segment, Terms([str(token) for token in tokens], owners, terms, levels)),
    )
    write_vectors(connection, segment, encoded.dense[keep])
