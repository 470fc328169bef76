"""How sure one may be of a mean, and which threshold the figures ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_RESAMPLES = 1000


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
