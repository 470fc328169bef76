"""Asking the arms, and making one list of what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from repocomp.errors import ConfigError
from repocomp.retrieve.arms.base import Arm, Hit
from repocomp.retrieve.arms.bm25 import Bm25
from repocomp.retrieve.arms.dense import Dense
from repocomp.retrieve.arms.hybrid import Hybrid
from repocomp.retrieve.arms.jaccard import Jaccard
from repocomp.retrieve.arms.near import Near
from repocomp.retrieve.arms.sparse import Sparse
from repocomp.retrieve.arms.structured import Structured
from repocomp.retrieve.arms.usage import Usage
from repocomp.retrieve.query import Query
from repocomp.retrieve.rank import fuse, rank
from repocomp.store.reader import IndexReader

Hidden = Callable[[Hit], bool]
"""Whether a hit must not be found: evaluation hides the answer."""

_ON = (Jaccard(), Bm25(), Structured(), Usage(), Near())
_OFF = (Dense(), Sparse(), Hybrid())

ARMS: Mapping[str, Arm] = {arm.name: arm for arm in (*_ON, *_OFF)}
"""Every strategy by name."""
DEFAULT_ARMS = tuple(arm.name for arm in _ON)
"""The strategies that are asked when none is named; the learned order knows these alone."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found: `hits` ranked, best first, and what each arm drew."""

    hits: list[Hit]
    drawn: Mapping[str, list[Hit]]


def retrieve(
    reader: IndexReader,
    query: Query,
    *,
    arms: Sequence[str] | None = None,
    top_k: int = 10,
    hidden: Hidden | None = None,
) -> Retrieved:
    """Ask arms for `top_k` hits each: the default ones and rank by what was learned, or `arms` and fuse by rank alone.

    What `hidden` says is left out, as if it were not indexed. Raises ConfigError for an unknown arm.
    """
    with reader.snapshot():
        drawn = {name: _arm(name).draw(reader, query, top_k) for name in (arms if arms is not None else DEFAULT_ARMS)}
        if hidden is not None:
            drawn = {name: [hit for hit in hits if not hidden(hit)] for name, hits in drawn.items()}
        return Retrieved(rank(reader, query, drawn) if arms is None else fuse(drawn), drawn)


def _arm(name: str) -> Arm:
    if name not in ARMS:
        raise ConfigError(f"there is no arm {name!r}", f"use one of: {', '.join(sorted(ARMS))}")
    return ARMS[name]
