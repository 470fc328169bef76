"""What every retrieval strategy is: a name, and a way to draw ranked places from an index."""

from __future__ import annotations

from dataclasses import dataclass
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
