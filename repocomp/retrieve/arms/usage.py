"""Other call sites: the lines that use the rarest identifiers near the cursor, and what follows them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from repocomp.languages import keywords
from repocomp.retrieve.arms.base import Hit, best_path
from repocomp.retrieve.arms.lexical import overlaps
from repocomp.retrieve.arms.near import word_weights
from repocomp.retrieve.query import Query
from repocomp.store.reader import IndexReader

_NAMES = 12
_WIDEST = 60
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
        sites: defaultdict[int, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for name, places in reader.references(sorted(weights)).items():
            for content_id, line in places:
                sites[content_id][line].add(name)
        found = [
            (score, content_id, line)
            for content_id, lines in sites.items()
            for score, line in _best_lines(lines, weights)
        ]
        found.sort(reverse=True)
        return list(self._hits(reader, query, found, top_k))

    def _hits(
        self, reader: IndexReader, query: Query, found: list[tuple[float, int, int]], top_k: int
    ) -> Iterator[Hit]:
        """Excerpts in order of score; equal scores by nearness of the file."""
        hits: list[Hit] = []
        for score, content_id, line in found:
            if len(hits) >= 2 * top_k and score < hits[-1].score:
                break
            path = best_path(reader.paths_of(content_id), query)
            lines = reader.lines(content_id)
            start, end = max(1, line - _LEAD_LINES), min(len(lines), line + _FOLLOW_LINES)
            if path is not None and not (path == query.path and overlaps(start, end, query.visible)):
                text = "\n".join(lines[start - 1 : end])
                hits.append(Hit(content_id, path, start, end, score, self.name, text))
        hits.sort(key=lambda hit: (-hit.score, hit.path, hit.start_line))
        return iter(hits[:top_k])


def rare_names(reader: IndexReader, query: Query) -> dict[str, float]:
    """The names near the cursor that few files use, weighted by rarity and nearness."""
    near = {name: weight for name, weight in word_weights(query).items() if name not in keywords(query.language)}
    spread = reader.spread(sorted(near))
    scored = {
        name: near[name] / math.log2(2 + files) for name, files in spread.items() if files <= _WIDEST and len(name) > 2
    }
    return dict(sorted(scored.items(), key=lambda item: (-item[1], item[0]))[:_NAMES])


def _best_lines(lines: Mapping[int, set[str]], weights: Mapping[str, float]) -> Iterator[tuple[float, int]]:
    """(score, line) of the best sites in one content, apart from each other; each scores the names it would show."""
    scored = []
    for line in lines:
        shown = set().union(*(lines.get(line + step, ()) for step in range(-_LEAD_LINES, _FOLLOW_LINES + 1)))
        scored.append((sum(weights[name] for name in sorted(shown)), -line))
    taken: list[int] = []
    for score, negative in sorted(scored, reverse=True):
        if all(abs(negative + line) > _FOLLOW_LINES for line in taken):
            taken.append(-negative)
            yield score, -negative
        if len(taken) == _PER_FILE:
            return
