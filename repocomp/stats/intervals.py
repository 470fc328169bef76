"""How sure one may be of a mean, and which threshold the figures ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NO_LOSS = 0.2
"""Points of ES that count as none."""

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
    means = np.array([np.add.reduce(values[resample]) / len(resample) for resample in resamples])
    low, high = np.percentile(means, [2.5, 97.5])
    return round(100 * float(low), 2), round(100 * float(high), 2)


def best_threshold(probabilities: Floats, without: Floats, retrieved: Floats, worth: float) -> float:
    """The highest threshold that should cost no ES against always retrieving, nor skip what is worth its time.

    Chance makes some places look better or worse than those beside them, so the gain of retrieval is first made to rise
    with the probability. Then the lowest are skipped as long as they cost at most `NO_LOSS` together and retrieval is
    worth at most `worth` points of ES in each. One of the probabilities seen, or 0: skip nothing.
    """
    levels, place, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    gains = isotonic(np.bincount(place, retrieved - without) / counts, counts)
    lost = np.cumsum(gains * counts) / len(probabilities)
    skipped = np.flatnonzero((lost <= NO_LOSS / 100) & (gains <= worth / 100))
    return float(levels[skipped[-1]]) if len(skipped) else 0.0


def isotonic(values: Floats, weights: npt.NDArray[np.int_]) -> Floats:
    """The rising sequence closest to `values` [n] by weighted squares: pool adjacent violators (Barlow et al. 1972)."""
    blocks: list[tuple[float, int, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (low, light, few), (high, heavy, many) = blocks[-2:]
            total = light + heavy
            blocks[-2:] = [((low * light + high * heavy) / total, total, few + many)]
    return np.repeat([value for value, _, _ in blocks], [count for _, _, count in blocks])
