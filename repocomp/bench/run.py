"""`bench self`: holes cut into the indexed files of a work tree, completed with and without retrieval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repocomp.bench.journal import Journal
from repocomp.bench.report import Report, facts_of
from repocomp.complete.parts import open_parts
from repocomp.errors import StoreError
from repocomp.evaluate.cases import Case
from repocomp.evaluate.counterfactual import compare
from repocomp.evaluate.holes import KINDS, Hole, HoleKind, sample, sources_of
from repocomp.store.reader import IndexReader

MAX_NEW_TOKENS = 48
"""As in labelling: answers longer than this are compared by their start."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. The same plan on the same files and pack gives the same holes and the same answers."""

    pack: str = "default"
    limit: int = 100
    seed: int = 0
    kinds: tuple[HoleKind, ...] = KINDS


def bench_self(root: Path, plan: Plan, progress: Callable[[int, int], None] | None = None) -> Report:
    """Measure on the work tree at `root`, which must be indexed. What a stopped run has measured is not done again."""
    holes, state = draw(root, plan)
    with open_parts(root, plan.pack, plan.pack) as parts:
        pack = parts.generator.pack
        places = [f"{hole.document.path} {hole.start} {hole.end}" for hole in holes]
        journal = Journal.open(root, [pack.digest, state, *places])
        cases = list(journal.cases)
        for outcome in compare(holes[len(cases) :], parts, MAX_NEW_TOKENS):
            cases.append(Case.of(outcome, parts.generator))
            journal.add(cases[-1])
            if progress is not None:
                progress(len(cases), len(holes))
        journal.remove()
    return Report.of(facts_of("self", pack, plan.seed, plan.limit), cases)


def draw(root: Path, plan: Plan) -> tuple[list[Hole], str]:
    """The holes of a plan, and what names the state of the index that answers are made from.

    Raises StoreError without an index or without code in it.
    """
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    with reader:
        sources, defined = sources_of(reader)
        state = str(reader.fact("finished"))
    holes = sample(sources, defined, plan.kinds, plan.limit, np.random.default_rng(plan.seed))
    if not holes:
        raise StoreError(f"{root}: the index holds no source files to cut holes in", "repocomp index --status")
    return holes, state
