"""Exact top-k over posting lists, shared by the arms that score terms: accumulate, pick, resolve.

Every chunk that holds a query term is scored, nothing is pruned; ties are broken by path and line, so equal requests
get equal answers whatever order chunks were indexed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from repocomp.retrieve.arms.base import Hit, best_path
from repocomp.retrieve.query import Query
from repocomp.store.reader import IndexReader
from repocomp.store.rows import Chunk, ChunkKind, Postings, Segment

Floats = npt.NDArray[np.float64]
Score = Callable[[Segment, Sequence[Postings]], Floats]
Render = Callable[[Chunk], tuple[int, int]]

_SPARE = 4
"""Candidates resolved for each hit wanted: some lie in the visible part of the file itself."""


def by_segment(found: Sequence[Postings]) -> Mapping[int, list[Postings]]:
    """Posting lists by the segment they belong to."""
    lists: dict[int, list[Postings]] = {}
    for postings in found:
        lists.setdefault(postings.segment_id, []).append(postings)
    return lists


def top_chunks(
    reader: IndexReader, kind: ChunkKind, found: Sequence[Postings], score: Score, number: int
) -> list[tuple[float, int]]:
    """The best (score, chunk number) over all segments, those tied with the last one included."""
    lists = by_segment(found)
    scores: list[Floats] = [np.array([])]
    chunks: list[npt.NDArray[np.uint32]] = [np.array([], dtype=np.uint32)]
    for segment in reader.segments(kind):
        if segment.id not in lists:
            continue
        each = score(segment, lists[segment.id])
        dead = reader.dead(segment)
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
    score_of = {number: score for score, number in scored}
    found: list[Hit] = []
    for chunk in sorted(reader.chunks(list(score_of)), key=lambda chunk: -score_of[chunk.id]):
        # Those tied with the last one are resolved too, since paths break ties.
        if len(found) >= top_k and score_of[chunk.id] < found[-1].score:
            break
        path = best_path(reader.paths_of(chunk.content_id), query)
        start, end = render(chunk)
        if path is None or (path == query.path and overlaps(start, end, query.visible)):
            continue
        text = "\n".join(reader.lines(chunk.content_id)[start - 1 : end])
        if text.strip():
            found.append(Hit(chunk.content_id, path, start, end, score_of[chunk.id], arm, text))
    found.sort(key=lambda hit: (-hit.score, hit.path, hit.start_line))
    return found[:top_k]


def document_frequency(
    reader: IndexReader, kind: ChunkKind, found: Sequence[Postings]
) -> tuple[int, Mapping[str, int]]:
    """Number of live chunks of a kind, and how many of them hold each term."""
    masks = {segment.id: reader.dead(segment) for segment in reader.segments(kind)}
    count = sum(
        len(segment.chunks) - (0 if (dead := masks[segment.id]) is None else int(dead.sum()))
        for segment in reader.segments(kind)
    )
    frequency: Counter[str] = Counter()
    for postings in found:
        dead = masks[postings.segment_id]
        frequency[postings.term] += len(postings.places) - (0 if dead is None else int(dead[postings.places].sum()))
    return count, frequency


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
