"""Writing chunks, segments and their posting lists and vectors: the tables `chunk`, `segment`, `posting`, `vector`.

Whoever calls opens the transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from repocomp.errors import StoreError
from repocomp.store.connect import Connection
from repocomp.store.index.rows import COUNT, LEVEL, PLACE, SCALE, Chunk, ChunkKind, Postings, Segment, Vectors

_PAGE = 10_000
_STAMP_BITS = 62

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64] | npt.NDArray[np.uint32]


def add_chunks(connection: Connection, chunks: Iterable[Chunk], contents: Iterable[int]) -> int:
    """Add chunks, each of one of the `contents`, under numbers that follow each other; returns the first."""
    (first,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM chunk").fetchone()
    connection.executemany(
        "INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?)",
        (
            (number, content, int(chunk.kind), chunk.start_line, chunk.end_line, chunk.name)
            for number, (chunk, content) in enumerate(zip(chunks, contents, strict=True), first)
        ),
    )
    return int(first)


def chunks_of(connection: Connection, content_id: int, kind: ChunkKind) -> list[Chunk]:
    """The chunks of one content, in the order they were cut."""
    select = "SELECT id, start_line, end_line, name FROM chunk WHERE content_id = ? AND kind = ? ORDER BY id"
    rows = connection.execute(select, (content_id, int(kind))).fetchall()
    return [Chunk(kind, start, end, name, content_id, number) for number, start, end, name in rows]


def chunk_counts(connection: Connection, kind: ChunkKind) -> list[tuple[int, int]]:
    """(content, number of its chunks) of every live content."""
    return connection.execute(
        "SELECT content_id, count(*) FROM chunk JOIN content ON content.id = content_id"
        " WHERE kind = ? AND live = 1 GROUP BY content_id ORDER BY content_id",
        (int(kind),),
    ).fetchall()


def add_segment(connection: Connection, kind: ChunkKind, chunks: Numbers, lengths: Numbers, contents: Numbers) -> int:
    """Add a segment of `chunks`, their `lengths` and `contents` [size] each; returns its number."""
    blobs = [np.asarray(column).astype(PLACE).tobytes() for column in (chunks, lengths, contents)]
    insert = "INSERT INTO segment (kind, chunks, lengths, contents) VALUES (?, ?, ?, ?)"
    number = connection.execute(insert, (int(kind), *blobs)).lastrowid
    if number is None:
        raise StoreError("a segment got no number", "repocomp index --rebuild")
    return number


def segment_sizes(connection: Connection, kind: ChunkKind) -> list[tuple[int, int]]:
    """(size, number) of the segments of a kind, the smallest first."""
    select = "SELECT length(chunks), id FROM segment WHERE kind = ? ORDER BY 1, 2"
    return [(size // PLACE.itemsize, number) for size, number in connection.execute(select, (int(kind),))]


def read_segments(connection: Connection, kind: ChunkKind, numbers: Sequence[int] | None = None) -> list[Segment]:
    """The segments of a kind, oldest first: all, or those with these `numbers`."""
    some = "" if numbers is None else f" AND id IN ({','.join('?' * len(numbers))})"
    select = f"SELECT id, chunks, lengths, contents FROM segment WHERE kind = ?{some} ORDER BY id"
    return [segment(kind, row) for row in connection.execute(select, (int(kind), *(numbers or ())))]


def segment(kind: ChunkKind, row: tuple[int, bytes, bytes, bytes]) -> Segment:
    """A segment from its number and its three BLOBs."""
    chunks, lengths, contents = (np.frombuffer(blob, PLACE) for blob in row[1:])
    return Segment(row[0], kind, chunks, lengths, contents)


def delete_segments(connection: Connection, kind: ChunkKind, numbers: Sequence[int] | None = None) -> None:
    """Delete segments of a kind with their posting lists and vectors: all, or those with these `numbers`."""
    if numbers is None:
        numbers = [number for _, number in segment_sizes(connection, kind)]
    marks = ",".join("?" * len(numbers))
    for table, column in (("posting", "segment_id"), ("vector", "segment_id"), ("segment", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", tuple(numbers))


def add_postings(connection: Connection, kind: ChunkKind, lists: Iterable[Postings]) -> None:
    """Add posting lists, whose places are of type `PLACE` and whose counts are of type `COUNT`."""
    number = int(kind)
    connection.executemany(
        "INSERT INTO posting VALUES (?, ?, ?, ?, ?)",
        (
            (number, term, segment_id, places.tobytes(), None if counts is None else counts.tobytes())
            for segment_id, term, places, counts in lists
        ),
    )


def postings_of(connection: Connection, kind: ChunkKind, segments: Sequence[int]) -> Iterator[list[Postings]]:
    """All posting lists of some segments of a kind, by term and segment, a page of whole terms at a time."""
    marks, after = ",".join("?" * len(segments)), ""
    while True:
        terms = connection.execute(
            f"SELECT DISTINCT term FROM posting WHERE kind = ? AND term > ? AND segment_id IN ({marks})"
            f" ORDER BY term LIMIT {_PAGE}",
            (int(kind), after, *segments),
        ).fetchall()
        if not terms:
            return
        last = terms[-1][0]
        rows = connection.execute(
            f"SELECT segment_id, term, places, counts FROM posting WHERE kind = ? AND term > ? AND term <= ?"
            f" AND segment_id IN ({marks}) ORDER BY term, segment_id",
            (int(kind), after, last, *segments),
        ).fetchall()
        yield [postings(row) for row in rows]
        after = last


def postings(row: tuple[int, str, bytes, bytes | None]) -> Postings:
    """A posting list from the number of its segment, its term and its BLOBs."""
    segment_id, term, places, counts = row
    return Postings(
        segment_id, term, np.frombuffer(places, PLACE), None if counts is None else np.frombuffer(counts, COUNT)
    )


def add_vectors(connection: Connection, vectors: Vectors) -> None:
    """Add the vectors of a segment."""
    # Numbers of segments come again; the stamp tells readers what they have from what they have not.
    stamp = secrets.randbits(_STAMP_BITS)
    scales, levels = vectors.scales.astype(SCALE).tobytes(), vectors.levels.astype(LEVEL).tobytes()
    connection.execute("INSERT INTO vector VALUES (?, ?, ?, ?)", (vectors.segment_id, stamp, scales, levels))


def read_vectors(connection: Connection, segment_id: int) -> Vectors:
    """The vectors of a segment that has some."""
    row = connection.execute("SELECT scales, levels FROM vector WHERE segment_id = ?", (segment_id,)).fetchone()
    return Vectors.of(segment_id, *row)
