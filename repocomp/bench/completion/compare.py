"""Two runs on the same holes: what changed, and whether the change is more than chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from repocomp.bench.report import Report
from repocomp.errors import BenchError
from repocomp.evaluate.cases import Case
from repocomp.evaluate.summary import retrieval_shares, similarities
from repocomp.stats.resampling import Floats, bootstrap, interval


@dataclass(frozen=True, slots=True)
class Change:
    """New minus old on the holes both runs filled, in percent, with its paired 95 % interval."""

    policy: str
    before: float
    after: float
    interval: tuple[float, float]

    @property
    def is_regression(self) -> bool:
        """The whole interval lies below zero."""
        return self.interval[1] < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Changes of edit similarity by policy; `holes` is how many both runs share."""

    holes: int
    changes: tuple[Change, ...]

    @property
    def is_regression(self) -> bool:
        """What users get, the shipped threshold, became worse beyond chance."""
        return any(change.is_regression for change in self.changes if change.policy == "threshold")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "regression": self.is_regression}


def compare(old: Report, new: Report) -> Comparison:
    """Pair the cases of two reports. Raises BenchError when they share no hole."""
    before = {case.key: case for case in old.cases}
    pairs = [(before[case.key], case) for case in new.cases if case.key in before]
    if not pairs:
        raise BenchError("the two reports share no hole", "run both on the same files with the same --seed and --limit")
    first, second = (_scores([pair[side] for pair in pairs]) for side in (0, 1))
    resample = bootstrap([case.path for _, case in pairs], int(new.facts["seed"]))
    changes = tuple(
        Change(
            policy,
            round(100 * float(first[policy].mean()), 2),
            round(100 * float(second[policy].mean()), 2),
            _percents(interval(second[policy] - first[policy], resample)),
        )
        for policy in ("never", "always", "threshold")
    )
    return Comparison(len(pairs), changes)


def _scores(cases: list[Case]) -> dict[str, Floats]:
    """Edit similarity [n] of each policy's answers."""
    without, retrieved = similarities(cases)
    return {policy: np.where(share > 0, retrieved, without) for policy, share in retrieval_shares(cases).items()}


def _percents(pair: tuple[float, float]) -> tuple[float, float]:
    return round(100 * pair[0], 2), round(100 * pair[1], 2)
