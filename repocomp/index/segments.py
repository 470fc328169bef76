"""Posting segments: written once a batch, merged when they become many.

A segment's posting lists name chunks by place, so merging is a shift of places; nothing is tokenised again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from repocomp.index.chunk import Terms
from repocomp.index.read import Content
from repocomp.index.vector_rows import move_vectors
from repocomp.store.index.queries import COUNT, PLACE
from repocomp.store.index.rows import ChunkKind

_MAX_SEGMENTS = 8
_BIG = 4
"""A segment this many times larger than all smaller ones together is left alone by a merge."""
_PAGE = 10_000
_WEIGHTED = frozenset({ChunkKind.SYNTAX, ChunkKind.ENCODED})
_GONE = np.iinfo(np.uint32).max


def add_segment(connection: sqlite3.Connection, kind: ChunkKind, contents: Sequence[Content], first: int) -> None:
    """Write the chunks of `contents`, numbered from `first`, and their postings as one segment."""
    (chunk,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM chunk").fetchone()
    owners = np.repeat(np.arange(first, first + len(contents)), [len(c.pieces[kind]) for c in contents])
    pieces = [piece for content in contents for piece in content.pieces[kind]]
    connection.executemany(
        "INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?)",
        (
            (chunk + at, int(owner), int(kind), piece.start, piece.end, piece.name)
            for at, (owner, piece) in enumerate(zip(owners, pieces, strict=True))
        ),
    )
    terms = _join([content.terms[kind] for content in contents], [len(c.pieces[kind]) for c in contents])
    lengths = np.bincount(terms.pieces, terms.counts, minlength=len(pieces))
    segment = new_segment(connection, kind, np.arange(chunk, chunk + len(pieces)), lengths, owners)
    connection.executemany("INSERT INTO posting VALUES (?, ?, ?, ?, ?)", postings(kind, segment, terms))


def _join(each: Sequence[Terms], sizes: Sequence[int]) -> Terms:
    """The terms of several texts as those of one, pieces numbered on."""
    numbers: dict[str, int] = {}
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    joined = [
        (
            part.pieces + offset,
            np.array([numbers.setdefault(t, len(numbers)) for t in part.vocabulary], dtype=np.int64)[part.terms],
        )
        for part, offset in zip(each, offsets, strict=False)
        if len(part.pieces)
    ]
    if not joined:
        empty = np.array([], dtype=np.int64)
        return Terms([], empty, empty, empty)
    pieces, terms = (np.concatenate(column) for column in zip(*joined, strict=True))
    return Terms(list(numbers), pieces, terms, np.concatenate([part.counts for part in each if len(part.pieces)]))


def postings(kind: ChunkKind, segment: int, terms: Terms) -> Iterator[tuple[int, str, int, bytes, bytes | None]]:
    """The rows of a segment's posting lists."""
    order = np.lexsort((terms.pieces, terms.terms))
    sorted_terms = terms.terms[order]
    places, counts = terms.pieces[order].astype(PLACE), terms.counts[order].astype(COUNT)
    edges = np.flatnonzero(np.diff(sorted_terms, prepend=-1, append=-1))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        weights = counts[start:end].tobytes() if kind in _WEIGHTED else None
        yield int(kind), terms.vocabulary[sorted_terms[start]], segment, places[start:end].tobytes(), weights


def new_segment(
    connection: sqlite3.Connection,
    kind: ChunkKind,
    chunks: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.float64] | npt.NDArray[np.int64],
    contents: npt.NDArray[np.int64],
) -> int:
    """Write what a segment is made of, [size] each; returns its number."""
    blobs = [np.asarray(column).astype(PLACE).tobytes() for column in (chunks, lengths, contents)]
    cursor = connection.execute(
        "INSERT INTO segment (kind, chunks, lengths, contents) VALUES (?, ?, ?, ?)", (int(kind), *blobs)
    )
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("a segment got no number")
    return cursor.lastrowid


def merge_small(connection: sqlite3.Connection, kind: ChunkKind) -> None:
    """Merge the smaller segments of a kind when there are too many. Runs in the caller's transaction."""
    sizes = connection.execute(
        "SELECT length(chunks), id FROM segment WHERE kind = ? ORDER BY 1, 2", (int(kind),)
    ).fetchall()
    if len(sizes) > _MAX_SEGMENTS:
        _merge(connection, kind, _small_ones(sizes), np.array([], dtype=np.uint32))


def drop_contents(connection: sqlite3.Connection, kind: ChunkKind, dead: npt.NDArray[np.uint32]) -> None:
    """Merge all segments of a kind, the chunks of `dead` contents left out."""
    ids = [n for (n,) in connection.execute("SELECT id FROM segment WHERE kind = ? ORDER BY id", (int(kind),))]
    _merge(connection, kind, ids, dead)


def _small_ones(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """The segments to merge, given (size, id) by size: all below the first that dwarfs those before it."""
    total = 0
    chosen: list[int] = []
    for size, number in sizes:
        if len(chosen) > 1 and size > _BIG * total:
            break
        total += size
        chosen.append(number)
    return sorted(chosen)


def _merge(
    connection: sqlite3.Connection, kind: ChunkKind, segments: Sequence[int], dead: npt.NDArray[np.uint32]
) -> None:
    """Write `segments` anew as one, without the chunks of `dead` contents."""
    if not segments:
        return
    moved: dict[int, npt.NDArray[np.uint32]] = {}
    kept: list[tuple[npt.NDArray[np.uint32], ...]] = []
    size = 0
    for number in segments:
        blobs = connection.execute("SELECT chunks, lengths, contents FROM segment WHERE id = ?", (number,)).fetchone()
        chunks, lengths, contents = (np.frombuffer(blob, PLACE) for blob in blobs)
        keep = ~np.isin(contents, dead)
        moved[number] = np.where(keep, size + np.cumsum(keep) - 1, _GONE).astype(np.uint32)
        kept.append((chunks[keep], lengths[keep], contents[keep]))
        size += int(keep.sum())
    columns = [np.concatenate(column) for column in zip(*kept, strict=True)]
    merged = new_segment(connection, kind, *columns)
    _move_postings(connection, kind, moved, merged)
    marks = ",".join("?" * len(segments))
    if kind is ChunkKind.ENCODED:
        move_vectors(connection, {number: places != _GONE for number, places in moved.items()}, merged)
    connection.execute(f"DELETE FROM posting WHERE segment_id IN ({marks})", segments)
    connection.execute(f"DELETE FROM segment WHERE id IN ({marks})", segments)


def _move_postings(
    connection: sqlite3.Connection, kind: ChunkKind, moved: dict[int, npt.NDArray[np.uint32]], merged: int
) -> None:
    """Copy the posting lists of the segments in `moved` to segment `merged`, a page of terms at a time."""
    marks = ",".join("?" * len(moved))
    after = ""
    while True:
        terms = connection.execute(
            f"SELECT DISTINCT term FROM posting WHERE kind = ? AND term > ? AND segment_id IN ({marks})"
            f" ORDER BY term LIMIT {_PAGE}",
            (int(kind), after, *moved),
        ).fetchall()
        if not terms:
            return
        last = terms[-1][0]
        rows = connection.execute(
            f"SELECT term, segment_id, places, counts FROM posting WHERE kind = ? AND term > ? AND term <= ?"
            f" AND segment_id IN ({marks}) ORDER BY term, segment_id",
            (int(kind), after, last, *moved),
        ).fetchall()
        connection.executemany("INSERT INTO posting VALUES (?, ?, ?, ?, ?)", _moved_rows(kind, rows, moved, merged))
        after = last


def _moved_rows(
    kind: ChunkKind,
    rows: Sequence[tuple[str, int, bytes, bytes | None]],
    moved: dict[int, npt.NDArray[np.uint32]],
    merged: int,
) -> Iterator[tuple[int, str, int, bytes, bytes | None]]:
    lists: dict[str, list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16] | None]]] = {}
    for term, segment, packed, weights in rows:
        places = moved[segment][np.frombuffer(packed, PLACE)]
        keep = places != _GONE
        counts = None if weights is None else np.frombuffer(weights, COUNT)[keep]
        lists.setdefault(term, []).append((places[keep], counts))
    for term, found in lists.items():
        places = np.concatenate([part for part, _ in found])
        if len(places):
            each = [part for _, part in found if part is not None]
            counts = np.concatenate(each).astype(COUNT).tobytes() if each else None
            yield int(kind), term, merged, places.astype(PLACE).tobytes(), counts
