"""Asking the arms, and making one list of what they say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from repocomp.errors import ConfigError, did_you_mean
from repocomp.retrieve.arms.bm25 import Bm25
from repocomp.retrieve.arms.dense import Dense
from repocomp.retrieve.arms.hybrid import Hybrid
from repocomp.retrieve.arms.jaccard import Jaccard
from repocomp.retrieve.arms.memory import Memory
from repocomp.retrieve.arms.near import Near
from repocomp.retrieve.arms.sparse import Sparse
from repocomp.retrieve.arms.structured import Structured
from repocomp.retrieve.arms.usage import Usage
from repocomp.retrieve.hit import Arm, Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.rank import fuse, rank
from repocomp.store.index.facts import ROOT
from repocomp.store.index.reader import IndexReader

Hidden = Callable[[Hit], bool]
"""Whether a hit must not be found: evaluation hides the answer."""

_ON = (Jaccard(), Bm25(), Structured(), Usage(), Near())
_OFF = (Dense(), Sparse(), Hybrid(), Memory())

ARMS: Mapping[str, Arm] = {arm.name: arm for arm in (*_ON, *_OFF)}
"""Every strategy by name."""
DEFAULT_ARMS = tuple(arm.name for arm in _ON)
"""The strategies that are asked when none is named; the learned order knows these alone."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found: `hits` ranked, best first, and what each arm drew; `failed` are the others, with the reason."""

    hits: list[Hit]
    drawn: Mapping[str, list[Hit]]
    failed: Mapping[str, str] = field(default_factory=dict)


def retrieve(
    reader: IndexReader,
    query: Query,
    *,
    arms: Sequence[str] | None = None,
    top_k: int = 10,
    hidden: Hidden | None = None,
    is_ranked: bool | None = None,
    deadline: float | None = None,
) -> Retrieved:
    """Ask arms for `top_k` hits each: the default ones and rank by what was learned, or `arms` and fuse by rank alone.

    `is_ranked` chooses the order by itself. What `hidden` says is left out, as if it were not indexed, and so is the
    text of files that are gone since they were indexed. An arm that fails, or whose turn comes after the `deadline`
    (`time.monotonic` seconds), leaves the answer to the others.
    Raises ConfigError for an unknown arm, and what the first arm raised when all of them failed.
    """
    by_learning = arms is None if is_ranked is None else is_ranked
    chosen = [_arm(name) for name in (arms if arms is not None else DEFAULT_ARMS)]
    with reader.snapshot():
        drawn, failed = _draw(chosen, reader, query, top_k, deadline)
        for is_out in (hidden, _is_gone(reader, query)):
            if is_out is not None:
                drawn = {name: [hit for hit in hits if not is_out(hit)] for name, hits in drawn.items()}
        return Retrieved(rank(reader, query, drawn) if by_learning else fuse(drawn), drawn, failed)


def _draw(
    arms: Sequence[Arm], reader: IndexReader, query: Query, top_k: int, deadline: float | None
) -> tuple[dict[str, list[Hit]], dict[str, str]]:
    drawn: dict[str, list[Hit]] = {}
    failed: dict[str, str] = {}
    first: Exception | None = None
    for arm in arms:
        if deadline is not None and time.monotonic() >= deadline:
            failed[arm.name] = "the deadline passed before its turn"
            continue
        try:
            drawn[arm.name] = arm.draw(reader, query, top_k)
        except Exception as error:  # whatever it is, the other arms can answer
            failed[arm.name] = f"{type(error).__name__}: {error}"
            first = first or error
    if first is not None and not drawn:
        raise first
    return drawn, failed


def _is_gone(reader: IndexReader, query: Query) -> Hidden | None:
    """Whether a hit's file was deleted since; None where the index belongs to no work tree that is there.

    The file being written is there as a buffer, whatever the disk says.
    """
    root = reader.memo(_root)
    if root is None or not os.path.isdir(root):
        return None
    is_file = cache(lambda path: path == query.path or os.path.isfile(f"{root}/{path}"))
    return lambda hit: not is_file(hit.path)


def _root(reader: IndexReader) -> str | None:
    return reader.fact(ROOT)


def _arm(name: str) -> Arm:
    if name not in ARMS:
        raise ConfigError(
            f"there is no arm {name!r}.{did_you_mean(name, ARMS)}", f"use one of: {', '.join(sorted(ARMS))}"
        )
    return ARMS[name]
