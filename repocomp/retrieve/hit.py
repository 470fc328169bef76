"""What every retrieval strategy is: a name, and a way to draw ranked places from an index."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

from repocomp.errors import RepocompError
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader


@dataclass(frozen=True, slots=True)
class Hit:
    """A place an arm proposes, with the text it would put into the prompt. Higher scores are better, per arm."""

    content_id: int
    path: str
    start_line: int
    end_line: int
    score: float
    arm: str
    text: str

    @property
    def is_stretch(self) -> bool:
        """Whether the text is one stretch of lines; those of an outline stand apart."""
        return self.text.count("\n") == self.end_line - self.start_line

    def scored(self, score: float) -> Hit:
        """The same place with another score."""
        return Hit(self.content_id, self.path, self.start_line, self.end_line, score, self.arm, self.text)

    def cut(self, lines: int) -> list[Hit]:
        """Runs of `lines` lines as hits, a short rest left with the run before it; an outline stays whole."""
        if not self.is_stretch or self.end_line - self.start_line < lines:
            return [self]
        first, number = self.start_line, self.content_id
        return [
            Hit(number, self.path, first + start, first + end - 1, self.score, self.arm, text)
            for start, end, text in _runs(self.text, lines)
        ]


# While somebody types, the same places are drawn again and again.
@lru_cache(maxsize=4_000)
def _runs(text: str, lines: int) -> list[tuple[int, int, str]]:
    """Runs of `lines` lines of a text, as (first line from 0, line after the last, text); not to be changed."""
    each = text.split("\n")
    edges = [*range(0, max(1, len(each) - lines // 3), lines), len(each)]
    return [(start, end, "\n".join(each[start:end])) for start, end in pairwise(edges)]


class Unavailable(RepocompError):
    """An arm cannot answer here, since something that it stands on is missing; the others can."""

    code = "arm"


class Arm(Protocol):
    """A retrieval strategy. Stateless: everything it knows comes with the call."""

    @property
    def name(self) -> str:
        """What users call it."""

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """At most `top_k` hits, best first, in an order that depends on query and index alone.

        Raises Unavailable where the index lacks what the arm needs.
        """


def best_path(paths: list[str], query: Query) -> str | None:
    """Of the paths that hold a content, the one nearest to the query's file, another file where there is one."""
    others = [path for path in paths if path != query.path] or paths
    return min(others, key=lambda path: (-shared_folders(path, query.path), path), default=None)


def shared_folders(a: str, b: str) -> int:
    """Number of leading folders two paths share."""
    shared = 0
    for x, y in zip(a.split("/")[:-1], b.split("/")[:-1], strict=False):
        if x != y:
            break
        shared += 1
    return shared
