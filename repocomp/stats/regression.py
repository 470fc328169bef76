"""Regressions of a yes or no on numbers: Platt scaling, ridge logistic regression, isotonic regression.

Platt scaling (Platt 1999): p = sigmoid(slope * x + offset), fitted by Newton's method with the prior-smoothed targets
of the original paper, which keep the fit finite when the classes separate, and the step halving of Lin, Lin and Weng
(2007), without which the step overshoots on large log-odds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_PLATT_STEPS, _LOGISTIC_STEPS = 50, 20
_PLATT_RIDGE = 1e-6
_TINY = 1e-9


def platt(log_odds: Floats, labels: Bools) -> tuple[float, float] | None:
    """Slope and offset fitted to log-odds [n] in nats and `labels` [n]; None with one class only."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return None
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([log_odds, np.ones_like(log_odds)], axis=1)
    weights = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(_PLATT_STEPS):
        step = _newton_step(design, target, weights)
        size = 1.0
        while _loss(design, target, weights - size * step) > _loss(design, target, weights) and size > _TINY:
            size /= 2
        weights = weights - size * step
        if float(np.abs(size * step).max()) < _TINY:
            break
    return float(weights[0]), float(weights[1])


def logistic(design: Floats, labels: Bools, ridge: float = 1.0) -> Floats:
    """Weights [columns] of a ridge logistic regression on `design` [n, columns], by Newton's method."""
    weights = np.zeros(design.shape[1])
    for _ in range(_LOGISTIC_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        hessian = (design * (p * (1 - p))[:, None]).T @ design + ridge * np.eye(len(weights))
        weights = weights - np.linalg.solve(hessian, design.T @ (p - labels) + ridge * weights)
    return weights


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


def _newton_step(design: Floats, target: Floats, weights: Floats) -> Floats:
    p = _sigmoid(design @ weights)
    hessian = (design * (p * (1 - p))[:, None]).T @ design + _PLATT_RIDGE * np.eye(2)
    return np.asarray(np.linalg.solve(hessian, design.T @ (p - target)), dtype=np.float64)


def _loss(design: Floats, target: Floats, weights: Floats) -> float:
    """Cross-entropy in nats, summed; log(1 + e^z) - target * z."""
    z = design @ weights
    return float((np.logaddexp(0, z) - target * z).sum())


def _sigmoid(x: Floats) -> Floats:
    clipped = np.clip(x, -60.0, 60.0)
    return np.asarray(1 / (1 + np.exp(-clipped)), dtype=np.float64)
