"""Posting segments: written once per batch, merged when they become many.

A segment's posting lists name chunks by place, so merging is a shift of places; nothing is tokenised again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from repocomp.index.chunk import Terms
from repocomp.index.read import Content
from repocomp.store.connect import Connection
from repocomp.store.index import segments as store
from repocomp.store.index.rows import COUNT, PLACE, ChunkKind, Postings, Segment, Vectors

_MAX_SEGMENTS = 8
_BIG = 4
"""A segment this many times larger than all smaller ones together is left alone by a merge."""
_WEIGHTED = frozenset({ChunkKind.SYNTAX, ChunkKind.ENCODED})
_GONE = np.iinfo(PLACE).max

Moves = Mapping[int, npt.NDArray[np.uint32]]
"""By segment: the place [size] of each of its chunks in the merged segment, `_GONE` for one that is dropped."""


def add_segment(connection: Connection, kind: ChunkKind, contents: Sequence[Content], first: int) -> None:
    """Write the chunks of `contents`, numbered from `first`, and their postings as one segment."""
    sizes = [len(content.pieces[kind]) for content in contents]
    owners = np.repeat(np.arange(first, first + len(contents)), sizes)
    chunks = [chunk for content in contents for chunk in content.pieces[kind]]
    number = store.add_chunks(connection, chunks, owners.tolist())
    terms = _join([content.terms[kind] for content in contents], sizes)
    lengths = np.bincount(terms.pieces, terms.counts, minlength=len(chunks))
    segment = store.add_segment(connection, kind, np.arange(number, number + len(chunks)), lengths, owners)
    store.add_postings(connection, kind, postings(kind, segment, terms))


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


def postings(kind: ChunkKind, segment: int, terms: Terms) -> Iterator[Postings]:
    """The posting lists of a segment."""
    order = np.lexsort((terms.pieces, terms.terms))
    sorted_terms = terms.terms[order]
    places, counts = terms.pieces[order].astype(PLACE), terms.counts[order].astype(COUNT)
    edges = np.flatnonzero(np.diff(sorted_terms, prepend=-1, append=-1))
    is_weighted = kind in _WEIGHTED
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        term = terms.vocabulary[sorted_terms[start]]
        yield Postings(segment, term, places[start:end], counts[start:end] if is_weighted else None)


def merge_small(connection: Connection, kind: ChunkKind) -> None:
    """Merge the smaller segments of a kind when there are too many. Runs in the caller's transaction."""
    sizes = store.segment_sizes(connection, kind)
    if len(sizes) > _MAX_SEGMENTS:
        _merge(connection, store.read_segments(connection, kind, _small_ones(sizes)))


def drop_contents(connection: Connection, kind: ChunkKind, dead: npt.NDArray[np.uint32]) -> None:
    """Merge all segments of a kind, the chunks of `dead` contents left out. Runs in the caller's transaction."""
    _merge(connection, store.read_segments(connection, kind), dead)


def merge_all(connection: Connection, kind: ChunkKind) -> None:
    """Merge all segments of a kind. Runs in the caller's transaction."""
    _merge(connection, store.read_segments(connection, kind))


def _small_ones(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """The segments to merge, given (size, id) by size: all below the first that dwarfs those before it."""
    total = 0
    chosen: list[int] = []
    for size, number in sizes:
        if len(chosen) > 1 and size > _BIG * total:
            break
        total += size
        chosen.append(number)
    return chosen


_NONE = np.array([], dtype=np.uint32)


def _merge(connection: Connection, segments: Sequence[Segment], dead: npt.NDArray[np.uint32] = _NONE) -> None:
    """Write `segments`, all of one kind, anew as one, without the chunks of `dead` contents."""
    if not segments:
        return
    kind = segments[0].kind
    numbers = [segment.id for segment in segments]
    keeps = [~np.isin(segment.contents, dead) for segment in segments]
    if not any(keep.any() for keep in keeps):
        store.delete_segments(connection, kind, numbers)
        return
    columns = (
        np.concatenate([column[keep] for column, keep in zip(each, keeps, strict=True)])
        for each in zip(*((s.chunks, s.lengths, s.contents) for s in segments), strict=True)
    )
    merged = store.add_segment(connection, kind, *columns)
    moves = dict(zip(numbers, _places_after(keeps), strict=True))
    for page in store.postings_of(connection, kind, numbers):
        store.add_postings(connection, kind, _moved(page, moves, merged))
    if kind is ChunkKind.ENCODED:
        store.add_vectors(connection, _joined_vectors(connection, moves, merged))
    store.delete_segments(connection, kind, numbers)


def _places_after(keeps: Sequence[npt.NDArray[np.bool_]]) -> Iterator[npt.NDArray[np.uint32]]:
    size = 0
    for keep in keeps:
        yield np.where(keep, size + np.cumsum(keep) - 1, _GONE).astype(np.uint32)
        size += int(keep.sum())


def _moved(page: Sequence[Postings], moves: Moves, merged: int) -> Iterator[Postings]:
    """The posting lists of a page with their new places, those of one term joined."""
    by_term: dict[str, list[Postings]] = {}
    for postings in page:
        by_term.setdefault(postings.term, []).append(postings)
    for term, lists in by_term.items():
        places = np.concatenate([moves[one.segment_id][one.places] for one in lists])
        keep = places != _GONE
        if keep.any():
            counts = [one.counts for one in lists if one.counts is not None]
            yield Postings(
                merged,
                term,
                places[keep].astype(PLACE),
                np.concatenate(counts)[keep].astype(COUNT) if counts else None,
            )


def _joined_vectors(connection: Connection, moves: Moves, merged: int) -> Vectors:
    keeps = {number: places != _GONE for number, places in moves.items()}
    each = [(store.read_vectors(connection, number), keep) for number, keep in keeps.items() if keep.any()]
    levels = np.concatenate([vectors.levels[keep] for vectors, keep in each])
    return Vectors(merged, levels, np.concatenate([vectors.scales[keep] for vectors, keep in each]))
