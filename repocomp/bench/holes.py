"""The holes of a benchmark: the same work tree, limit and seed give the same holes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from repocomp.complete.cursor_kind import CURSOR_KINDS, CursorKind
from repocomp.errors import StoreError
from repocomp.evaluate.cursors import sample_cursors
from repocomp.evaluate.holes import ALL_KINDS, KINDS, Hole, HoleKind, sample, sources_of, texts_of
from repocomp.store.index.reader import IndexReader

Kind = HoleKind | CursorKind
ALL: tuple[Kind, ...] = (*CURSOR_KINDS, *ALL_KINDS)
"""Every kind that can be named."""
GROUPS: Mapping[str, tuple[Kind, ...]] = {"cursors": CURSOR_KINDS, "published": KINDS}
"""Kinds by what they are good for: places where people type, and those that papers report."""


def draw(root: Path, limit: int, seed: int, kinds: Sequence[Kind] = KINDS) -> tuple[list[Hole], str]:
    """At most `limit` holes of an indexed work tree, and what names the state of the index they were drawn from.

    Where `kinds` are of both groups, each group gets as much of the limit as it has kinds. Raises StoreError without an
    index or without code in it.
    """
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    cursors = [kind for kind in CURSOR_KINDS if kind in kinds]
    published = [kind for kind in ALL_KINDS if kind in kinds]
    at_cursors = limit * len(cursors) // len(kinds)
    rng = np.random.default_rng(seed)
    with reader:
        sources, defined = sources_of(reader) if published else ([], {})
        texts = texts_of(reader) if cursors else []
        state = str(reader.fact("finished"))
    holes = sample(sources, defined, published, limit - at_cursors, rng) if published else []
    holes += sample_cursors(texts, cursors, at_cursors, rng) if cursors else []
    if not holes:
        raise StoreError(f"{root}: the index holds no source files to cut holes in", "repocomp index --status")
    return holes, state
