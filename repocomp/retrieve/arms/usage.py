"""Other call sites: the lines that use the rarest identifiers near the cursor, and what follows them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from heapq import heappop, heappush
from operator import or_

from repocomp.languages.table import keywords
from repocomp.retrieve.arms.lexical import overlaps
from repocomp.retrieve.arms.near import word_weights
from repocomp.retrieve.hit import Hit, best_path
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader

_NAMES = 12
_MOST_FILES = 60
"""A name used in more files than this says nothing about how it is used here."""
_PER_FILE = 3
"""Excerpts of one file at most: more of it says less than another file."""
_LEAD_LINES, _FOLLOW_LINES = 2, 6


@dataclass(frozen=True, slots=True)
class Usage:
    """Short excerpts around the sites that use most of the rare names."""

    name: str = "usage"

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The sites that share the most, by the rarity of what they share."""
        weights = rare_names(reader, query)
        bits = {name: 1 << at for at, name in enumerate(sorted(weights))}
        sites: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        for name, places in reader.symbols.references(sorted(weights)).items():
            for content_id, line in places:
                sites[content_id][line] |= bits[name]
        return list(self._hits(reader, query, _best_first(sites, _Worth(weights)), top_k))

    def _hits(
        self, reader: IndexReader, query: Query, sites: Iterator[tuple[float, int, int]], top_k: int
    ) -> Iterator[Hit]:
        """Excerpts in order of score; equal scores by nearness of the file."""
        hits: list[Hit] = []
        for score, content_id, line in sites:
            if len(hits) >= 2 * top_k and score < hits[-1].score:
                break
            path = best_path(reader.files.paths_of(content_id), query)
            lines = reader.contents.lines(content_id)
            start, end = max(1, line - _LEAD_LINES), min(len(lines), line + _FOLLOW_LINES)
            if path is not None and not (path == query.path and overlaps(start, end, query.visible)):
                text = "\n".join(lines[start - 1 : end])
                hits.append(Hit(content_id, path, start, end, score, self.name, text))
        hits.sort(key=lambda hit: (-hit.score, hit.path, hit.start_line))
        return iter(hits[:top_k])


def rare_names(reader: IndexReader, query: Query) -> dict[str, float]:
    """The names near the cursor that few files use, weighted by rarity and nearness."""
    near = {name: weight for name, weight in word_weights(query).items() if name not in keywords(query.language)}
    frequency = reader.symbols.document_frequency(sorted(near))
    scored = {
        name: near[name] / math.log2(2 + files)
        for name, files in frequency.items()
        if files <= _MOST_FILES and len(name) > 2
    }
    return dict(sorted(scored.items(), key=lambda item: (-item[1], item[0]))[:_NAMES])


class _Worth:
    """The summed weight of a set of names, given as bits in the order of the names."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = [weights[name] for name in sorted(weights)]
        self._known: dict[int, float] = {}

    def of(self, bits: int) -> float:
        """0 for no name."""
        if bits not in self._known:
            self._known[bits] = sum(weight for at, weight in enumerate(self._weights) if bits >> at & 1)
        return self._known[bits]


def _best_first(sites: Mapping[int, Mapping[int, int]], worth: _Worth) -> Iterator[tuple[float, int, int]]:
    """(score, content, line) of the best sites of all contents, highest first.

    A content is looked into when its turn has come: no site of it can show more names than all of it holds.
    """
    bounds = sorted(((worth.of(reduce(or_, lines.values())), number) for number, lines in sites.items()), reverse=True)
    ready: list[tuple[float, int, int]] = []
    for bound, number in bounds:
        while ready and -ready[0][0] > bound:
            yield _positive(heappop(ready))
        for score, line in _best_lines(sites[number], worth):
            heappush(ready, (-score, -number, -line))
    while ready:
        yield _positive(heappop(ready))


def _positive(entry: tuple[float, int, int]) -> tuple[float, int, int]:
    return -entry[0], -entry[1], -entry[2]


def _best_lines(lines: Mapping[int, int], worth: _Worth) -> Iterator[tuple[float, int]]:
    """(score, line) of the best sites in one content, apart from each other; each scores the names it would show."""
    scored = []
    for line in lines:
        shown = 0
        for near in range(line - _LEAD_LINES, line + _FOLLOW_LINES + 1):
            shown |= lines.get(near, 0)
        scored.append((worth.of(shown), -line))
    taken: list[int] = []
    for score, negative in sorted(scored, reverse=True):
        if all(abs(negative + line) > _FOLLOW_LINES for line in taken):
            taken.append(-negative)
            yield score, -negative
        if len(taken) == _PER_FILE:
            return
