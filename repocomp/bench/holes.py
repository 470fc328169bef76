"""The holes of a benchmark: the same work tree, limit and seed give the same holes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from repocomp.errors import StoreError
from repocomp.evaluate.holes import KINDS, Hole, HoleKind, sample, sources_of
from repocomp.store.index.reader import IndexReader


def draw(root: Path, limit: int, seed: int, kinds: Sequence[HoleKind] = KINDS) -> tuple[list[Hole], str]:
    """At most `limit` holes of an indexed work tree, and what names the state of the index they were drawn from.

    Raises StoreError without an index or without code in it.
    """
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    with reader:
        sources, defined = sources_of(reader)
        state = str(reader.fact("finished"))
    holes = sample(sources, defined, kinds, limit, np.random.default_rng(seed))
    if not holes:
        raise StoreError(f"{root}: the index holds no source files to cut holes in", "repocomp index --status")
    return holes, state
