"""From the model's log-odds to a probability one can believe, and the figures that say how far to believe it.

Platt scaling (Platt 1999): p = sigmoid(slope * odds + offset), fitted by Newton's method with the prior-smoothed
targets of the original paper, which keep the fit finite when the classes separate, and the step halving of Lin, Lin
and Weng (2007), without which the step overshoots on large odds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from repocomp.model.pack import Calibration

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_STEPS = 50
_RIDGE = 1e-6
_TINY = 1e-9


def apply(calibration: Calibration, odds: Floats) -> Floats:
    """Probabilities [n] for log-odds [n] in nats."""
    return np.array([calibration.apply(float(x)) for x in odds], dtype=np.float64)


def odds_of(probabilities: Floats) -> Floats:
    """Log-odds [n] in nats of uncalibrated probabilities [n]."""
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def fit(odds: Floats, helped: Bools) -> Calibration:
    """Fit slope and offset to log-odds [n] and whether retrieval helped [n]. One class only: unchanged odds."""
    positives, negatives = int(helped.sum()), int((~helped).sum())
    if not positives or not negatives:
        return Calibration()
    target = np.where(helped, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([odds, np.ones_like(odds)], axis=1)
    weights = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(_STEPS):
        step = _newton_step(design, target, weights)
        size = 1.0
        while _loss(design, target, weights - size * step) > _loss(design, target, weights) and size > _TINY:
            size /= 2
        weights = weights - size * step
        if float(np.abs(size * step).max()) < _TINY:
            break
    return Calibration(float(weights[0]), float(weights[1]))


def _newton_step(design: Floats, target: Floats, weights: Floats) -> Floats:
    p = _sigmoid(design @ weights)
    hessian = (design * (p * (1 - p))[:, None]).T @ design + _RIDGE * np.eye(2)
    return np.asarray(np.linalg.solve(hessian, design.T @ (p - target)), dtype=np.float64)


def _loss(design: Floats, target: Floats, weights: Floats) -> float:
    """Cross-entropy in nats, summed; log(1 + e^z) - target * z."""
    z = design @ weights
    return float((np.logaddexp(0, z) - target * z).sum())


def expected_calibration_error(probabilities: Floats, helped: Bools, bins: int = 10) -> float:
    """ECE (Guo et al. 2017) over `bins` equal-mass bins: the mean gap between what was said and what happened."""
    order = np.argsort(probabilities, kind="stable")
    gaps = [
        len(part) * abs(float(probabilities[part].mean()) - float(helped[part].mean()))
        for part in np.array_split(order, min(bins, len(order)))
        if len(part)
    ]
    return sum(gaps) / max(1, len(order))


def roc_auc(scores: Floats, helped: Bools) -> float | None:
    """Area under the ROC curve as the Mann-Whitney statistic, ties counted half. None with one class only."""
    positives, negatives = int(helped.sum()), int((~helped).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    return round(float((ranks[helped].sum() - positives * (positives + 1) / 2) / (positives * negatives)), 4)


def _sigmoid(x: Floats) -> Floats:
    clipped = np.clip(x, -60.0, 60.0)
    return np.asarray(1 / (1 + np.exp(-clipped)), dtype=np.float64)
