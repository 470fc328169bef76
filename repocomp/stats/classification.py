"""How good a score is at telling two classes apart, and how far a probability can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases of like probability: the mean `predicted` probability, the share `observed` to be true, how many."""

    predicted: float
    observed: float
    cases: int


def reliability(probabilities: Floats, labels: Bools, bins: int = _BINS) -> tuple[Bin, ...]:
    """The reliability diagram over at most `bins` bins of equal mass, the lowest probabilities first."""
    parts = np.array_split(np.argsort(probabilities, kind="stable"), min(bins, len(probabilities)))
    return tuple(Bin(float(probabilities[part].mean()), float(labels[part].mean()), len(part)) for part in parts)


def expected_calibration_error(probabilities: Floats, labels: Bools, bins: int = _BINS) -> float:
    """ECE (Guo et al. 2017): the mean gap between predicted and observed over bins of equal mass; 0 without cases."""
    if not len(probabilities):
        return 0.0
    found = reliability(probabilities, labels, bins)
    return sum(one.cases * abs(one.predicted - one.observed) for one in found) / len(probabilities)


def roc_auc(scores: Floats, labels: Bools) -> float | None:
    """Area under the ROC curve as the Mann-Whitney statistic, ties counted half. None with one class only."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    return round(float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives)), 4)
