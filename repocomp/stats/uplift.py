"""Who should be treated first: the mean outcome as a function of the share that is treated, by the order of a score.

The area under that curve says in one figure how well a score spends treatments (an uplift or Qini curve).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def area(scores: Floats, without: Floats, treated: Floats) -> float:
    """The mean outcome over all shares treated, the highest of `scores` [n] first; outcomes [n] of either kind."""
    return area_under(curve(order(scores), without, treated))


def skippable(scores: Floats, without: Floats, treated: Floats, loss: float) -> float:
    """The largest share (0..1) that this order can leave untreated and lose at most `loss` against treating all."""
    outcomes = curve(order(scores), without, treated)
    fewest = int(np.argmax(outcomes >= outcomes[-1] - loss - 1e-12))
    return 1 - fewest / len(scores)


def order(scores: Floats) -> Ints:
    """The rank [n] of each score among the distinct ones, the highest 0."""
    ranks: Ints = np.unique(-scores, return_inverse=True)[1]
    return ranks


def curve(ranks: Ints, without: Floats, treated: Floats) -> Floats:
    """The mean outcome [n + 1] when the first 0 .. n by rank are treated; ties share their gain."""
    gain = treated - without
    counts = np.bincount(ranks)
    there = counts.nonzero()[0]
    ordered = np.repeat(np.bincount(ranks, gain)[there] / counts[there], counts[there])
    result: Floats = without.mean() + np.concatenate([[0.0], np.cumsum(ordered)]) / len(gain)
    return result


def area_under(outcomes: Floats) -> float:
    """The area under a curve [n + 1] of evenly spaced shares 0 .. 1."""
    return float((outcomes[1:] + outcomes[:-1]).mean() / 2)
