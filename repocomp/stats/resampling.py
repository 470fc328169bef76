"""How sure one may be of a mean: the bootstrap over groups, and folds that keep a group together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_RESAMPLES = 1000


def bootstrap(groups: Sequence[str], seed: int) -> list[Ints]:
    """Resamples of whole groups with replacement: lists of item numbers."""
    names, member = np.unique(np.array(groups), return_inverse=True)
    items = [np.flatnonzero(member == group) for group in range(len(names))]
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(items), size=(_RESAMPLES, len(items)))
    return [np.concatenate([items[group] for group in draw]) for draw in draws]


def interval(values: Floats, resamples: Sequence[Ints]) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of `values` [n], in their own unit."""
    means = np.array([np.add.reduce(values[resample]) / len(resample) for resample in resamples])
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def folds(groups: Sequence[str], count: int) -> Ints:
    """The fold [n] of each item, 0 .. `count` - 1: groups are dealt in turn, in order of appearance."""
    numbers = {name: at % count for at, name in enumerate(dict.fromkeys(groups))}
    return np.array([numbers[name] for name in groups], dtype=np.intp)
