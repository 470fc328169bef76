"""`bench self`: holes cut into the indexed files of a work tree, completed with and without retrieval."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from repocomp import __version__
from repocomp.complete.parts import open_parts
from repocomp.errors import StoreError
from repocomp.evaluate.counterfactual import Outcome, compare
from repocomp.evaluate.holes import KINDS, HoleKind, mode_of, sample, sources_of
from repocomp.evaluate.summary import Summary, summarise
from repocomp.store.reader import IndexReader

MAX_NEW_TOKENS = 48
"""As in labelling: answers longer than this are compared by their start."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run: what it was on, and its summary over all holes and by kind of hole."""

    facts: dict[str, Any]
    overall: Summary
    by_kind: dict[str, Summary]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        kinds = {kind: summary.to_json() for kind, summary in self.by_kind.items()}
        return {**self.facts, "overall": self.overall.to_json(), "by_kind": kinds}


def bench_self(
    root: Path,
    pack: str,
    *,
    limit: int,
    seed: int,
    kinds: Sequence[HoleKind] = KINDS,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Measure `pack` on the work tree at `root`, which must be indexed. Same seed, same holes, same answers."""
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    with reader:
        sources, defined = sources_of(reader)
    holes = sample(sources, defined, kinds, limit, np.random.default_rng(seed))
    if not holes:
        raise StoreError(f"{root}: the index holds no source files to cut holes in", "repocomp index --status")
    outcomes: list[Outcome] = []
    with open_parts(root, pack, pack) as parts:
        for outcome in compare(holes, parts, MAX_NEW_TOKENS):
            outcomes.append(outcome)
            if progress is not None:
                progress(len(outcomes), len(holes))
        thresholds = parts.generator.pack.thresholds
        facts = {
            "repocomp": __version__,
            "python": platform.python_version(),
            "machine": platform.platform(),
            "pack": {"name": parts.generator.pack.name, "digest": parts.generator.pack.digest},
            "seed": seed,
            "limit": limit,
        }

    def summary(some: Sequence[Outcome]) -> Summary:
        return summarise(some, lambda outcome: thresholds[mode_of(outcome.hole.kind)], seed)

    groups = {kind: [o for o in outcomes if o.hole.kind == kind] for kind in kinds}
    return Report(facts, summary(outcomes), {kind: summary(some) for kind, some in groups.items() if some})
