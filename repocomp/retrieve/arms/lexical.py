"""Exact top-k over posting lists, shared by the arms that score terms: accumulate, pick, resolve.

Every chunk that holds a query term is scored, nothing is pruned; ties are broken by path and line, so equal requests
get equal answers whatever order chunks were indexed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from repocomp.retrieve.hit import Hit, best_path
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Chunk, ChunkKind, Postings, Segment

Floats = npt.NDArray[np.float64]
Score = Callable[[Segment, Sequence[Postings]], Floats]
Render = Callable[[Chunk], tuple[int, int]]

_SPARE = 4
"""Candidates resolved for each hit wanted: some lie in the visible part of the file itself."""


def by_segment(lists: Sequence[Postings]) -> Mapping[int, list[Postings]]:
    """Posting lists by the segment they belong to."""
    groups: dict[int, list[Postings]] = {}
    for postings in lists:
        groups.setdefault(postings.segment_id, []).append(postings)
    return groups


def top_chunks(
    reader: IndexReader, kind: ChunkKind, lists: Sequence[Postings], score: Score, number: int
) -> list[tuple[float, int]]:
    """The best (score, chunk number) over all segments, those tied with the last one included."""
    groups = by_segment(lists)
    scores: list[Floats] = [np.array([])]
    chunks: list[npt.NDArray[np.uint32]] = [np.array([], dtype=np.uint32)]
    for segment in reader.segments.all(kind):
        if segment.id not in groups:
            continue
        each = score(segment, groups[segment.id])
        dead = reader.segments.dead(segment)
        if dead is not None:
            each[dead] = 0.0
        places = np.flatnonzero(each >= _floor(each, number))
        places = places[each[places] > 0]
        scores.append(each[places])
        chunks.append(segment.chunks[places])
    all_scores, all_chunks = np.concatenate(scores), np.concatenate(chunks)
    chosen = np.flatnonzero(all_scores >= _floor(all_scores, number))
    return [(float(all_scores[at]), int(all_chunks[at])) for at in chosen]


def hits(
    reader: IndexReader,
    query: Query,
    arm: str,
    scored: Sequence[tuple[float, int]],
    top_k: int,
    render: Render,
) -> list[Hit]:
    """Resolve chunks to places outside the visible part of the query's file; `render` says which lines to give."""
    chosen: list[Hit] = []
    for score, chunk in _resolved(reader, sorted(scored, key=lambda entry: -entry[0]), top_k):
        # Those tied with the last one are resolved too, since paths break ties.
        if len(chosen) >= top_k and score < chosen[-1].score:
            break
        path = best_path(reader.files.paths_of(chunk.content_id), query)
        start, end = render(chunk)
        if path is None or (path == query.path and overlaps(start, end, query.visible)):
            continue
        text = "\n".join(reader.contents.lines(chunk.content_id)[start - 1 : end])
        if text.strip():
            chosen.append(Hit(chunk.content_id, path, start, end, score, arm, text))
    chosen.sort(key=lambda hit: (-hit.score, hit.path, hit.start_line))
    return chosen[:top_k]


def _resolved(reader: IndexReader, scored: Sequence[tuple[float, int]], step: int) -> Iterator[tuple[float, Chunk]]:
    """The chunks of (score, number) in order, read a few at a time: most are never asked for."""
    for at in range(0, len(scored), step):
        some = scored[at : at + step]
        yield from zip((score for score, _ in some), reader.chunks.by_id([number for _, number in some]), strict=True)


def places_of(lists: Sequence[Postings]) -> npt.NDArray[np.uint32]:
    """The places of all lists of one segment, one list after the other."""
    return np.concatenate([postings.places for postings in lists])


def for_each_place(lists: Sequence[Postings], values: Mapping[str, float]) -> Floats:
    """The value of each place's term, in the order of `places_of`."""
    return np.repeat([values[postings.term] for postings in lists], [len(postings.places) for postings in lists])


def statistics(reader: IndexReader, kind: ChunkKind, lists: Sequence[Postings]) -> tuple[int, float, Mapping[str, int]]:
    """Number of live chunks of a kind, their mean length, and how many of them hold each term."""
    count, mean = reader.cached(("sizes", kind), lambda: _sizes(reader, kind))
    masks = {segment.id: reader.segments.dead(segment) for segment in reader.segments.all(kind)}
    frequency: Counter[str] = Counter()
    for postings in lists:
        dead = masks[postings.segment_id]
        frequency[postings.term] += len(postings.places) - (0 if dead is None else int(dead[postings.places].sum()))
    return count, mean, frequency


def _sizes(reader: IndexReader, kind: ChunkKind) -> tuple[int, float]:
    count, total = 0, 0
    for segment in reader.segments.all(kind):
        dead = reader.segments.dead(segment)
        live = segment.lengths if dead is None else segment.lengths[~dead]
        count, total = count + len(live), total + int(live.sum())
    return count, total / max(1, count) or 1.0


def wanted(top_k: int) -> int:
    """How many chunks to score out for `top_k` hits."""
    return top_k * _SPARE


def _floor(scores: Floats, number: int) -> float:
    """The score of the `number`-th best, or the smallest positive one when there are fewer."""
    if len(scores) <= number:
        return 0.0
    return float(np.partition(scores, len(scores) - number)[len(scores) - number])


def overlaps(start: int, end: int, visible: tuple[int, int]) -> bool:
    """Whether lines `start` .. `end` and the visible ones have one in common."""
    return start <= visible[1] and end >= visible[0]
