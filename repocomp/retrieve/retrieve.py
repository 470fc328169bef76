"""Asking the arms, and making one list of what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repocomp.errors import ConfigError
from repocomp.retrieve.arms.base import Arm, Hit
from repocomp.retrieve.arms.bm25 import Bm25
from repocomp.retrieve.arms.jaccard import Jaccard
from repocomp.retrieve.arms.near import Near
from repocomp.retrieve.arms.structured import Structured
from repocomp.retrieve.arms.usage import Usage
from repocomp.retrieve.query import Query
from repocomp.retrieve.rank import fuse
from repocomp.store.reader import IndexReader

ARMS: Mapping[str, Arm] = {arm.name: arm for arm in (Jaccard(), Bm25(), Structured(), Usage(), Near())}
"""Every strategy by name."""
DEFAULT_ARMS = ("jaccard", "bm25", "structured")
"""Those that are asked unless others are named."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found: `hits` ranked, best first, and what each arm drew."""

    hits: list[Hit]
    drawn: Mapping[str, list[Hit]]


def retrieve(reader: IndexReader, query: Query, *, arms: Sequence[str] | None = None, top_k: int = 10) -> Retrieved:
    """Ask `arms` (None: the default) for `top_k` hits each and fuse them. Raises ConfigError for an unknown arm."""
    drawn = {name: _arm(name).draw(reader, query, top_k) for name in (arms if arms is not None else DEFAULT_ARMS)}
    return Retrieved(fuse(drawn), drawn)


def _arm(name: str) -> Arm:
    if name not in ARMS:
        raise ConfigError(f"there is no arm {name!r}", f"use one of: {', '.join(sorted(ARMS))}")
    return ARMS[name]
