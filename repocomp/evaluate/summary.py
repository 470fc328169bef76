"""What a list of outcomes says: scores by policy, how well the policy decides, and how sure one may be.

Scores are percentages. Intervals are percentile bootstraps over files, since holes of one file are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.evaluate.counterfactual import Outcome
from repocomp.policy.calibrate import expected_calibration_error, roc_auc

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Score:
    """One policy's result: exact match and edit similarity in percent, share of holes it retrieved for, in percent."""

    policy: str
    exact_match: float
    edit_similarity: float
    interval: tuple[float, float]
    retrieval_rate: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The comparison on one set of holes. `gain_*` is ES of always minus never, with its 95 % interval.

    `abstention_precision` is the share of skipped holes on which retrieval would not have helped.
    """

    holes: int
    files: int
    scores: tuple[Score, ...]
    gain: float
    gain_interval: tuple[float, float]
    helped: float
    harmed: float
    harm_avoided: float
    roc_auc: float | None
    calibration_error: float
    abstention_precision: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return asdict(self)


def summarise(outcomes: Sequence[Outcome], threshold: Callable[[Outcome], float], seed: int) -> Summary:
    """Summarise at the given SelectiveT threshold by outcome. Needs at least one outcome."""
    without, retrieved = (_column(outcomes, side) for side in ("without", "retrieved"))
    exact = [_exact(outcomes, side) for side in ("without", "retrieved")]
    p = np.array([outcome.probability for outcome in outcomes])
    limits = np.array([threshold(outcome) for outcome in outcomes])
    helped, harmed = retrieved > without, retrieved < without
    files = [outcome.hole.document.path for outcome in outcomes]
    resample = bootstrap(files, seed)
    choices = {
        "never": np.zeros(len(p), dtype=np.bool_),
        "always": np.ones(len(p), dtype=np.bool_),
        "greedy": p > 0.5,
        "threshold": p > limits,
        "oracle": helped,
    }

    def score(name: str, choice: Bools) -> Score:
        similarity = np.where(choice, retrieved, without)
        return Score(
            name,
            _percent(np.where(choice, exact[1], exact[0])),
            _percent(similarity),
            interval(similarity, resample),
            _percent(choice),
        )

    chosen = choices["threshold"]
    return Summary(
        holes=len(outcomes),
        files=len(set(files)),
        scores=tuple(score(name, choice) for name, choice in choices.items()),
        gain=_percent(retrieved - without),
        gain_interval=interval(retrieved - without, resample),
        helped=_percent(helped),
        harmed=_percent(harmed),
        harm_avoided=_percent(~chosen[harmed]) if harmed.any() else 0.0,
        roc_auc=roc_auc(p, helped),
        calibration_error=round(expected_calibration_error(p, helped), 4),
        abstention_precision=_percent(~helped[~chosen]) if (~chosen).any() else 0.0,
    )


def bootstrap(groups: Sequence[str], seed: int) -> list[npt.NDArray[np.intp]]:
    """Resamples of whole groups with replacement: lists of item numbers."""
    names, member = np.unique(np.array(groups), return_inverse=True)
    items = [np.flatnonzero(member == group) for group in range(len(names))]
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(items), size=(_RESAMPLES, len(items)))
    return [np.concatenate([items[group] for group in draw]) for draw in draws]


def interval(values: Floats, resamples: Sequence[npt.NDArray[np.intp]]) -> tuple[float, float]:
    """The 95 % interval of the mean of `values`, in percent."""
    means = np.array([values[resample].mean() for resample in resamples])
    low, high = np.percentile(means, [2.5, 97.5])
    return round(100 * float(low), 2), round(100 * float(high), 2)


def best_threshold(probabilities: Floats, without: Floats, retrieved: Floats, tolerance: float = 0.001) -> float:
    """The highest threshold whose ES stays within `tolerance` of the best reachable: skips most at no cost.

    The candidates are the probabilities seen, and 0 (always retrieve).
    """
    candidates = np.unique(np.concatenate([[0.0], probabilities]))
    scores = np.array([np.where(probabilities > t, retrieved, without).mean() for t in candidates])
    return float(candidates[np.flatnonzero(scores >= scores.max() - tolerance)[-1]])


def _column(outcomes: Sequence[Outcome], side: str) -> Floats:
    return np.array([getattr(outcome, side).similarity for outcome in outcomes], dtype=np.float64)


def _exact(outcomes: Sequence[Outcome], side: str) -> Floats:
    return np.array([getattr(outcome, side).exact for outcome in outcomes], dtype=np.float64)


def _percent(values: Floats | Bools) -> float:
    return round(100 * float(np.mean(values)), 2)
