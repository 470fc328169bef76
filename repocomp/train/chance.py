"""Fitting a chance to what was seen: logistic regression on named figures, then isotonic calibration.

The calibration stands on scores of groups (repositories) that the regression had not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from repocomp.model.confidence import Confidence
from repocomp.stats.regression import Bools, Floats, isotonic, logistic
from repocomp.stats.resampling import folds

_FOLDS = 8
_LEAST_ROWS = 10
"""A figure that fewer rows have says nothing."""
_RIDGE = 10.0
_LEAST_BLOCK = 15
"""Rows that stand behind each corner of the calibration."""


def fit_chance(
    rows: Sequence[Mapping[str, float]], happened: Bools, groups: Sequence[str], figures: Sequence[str] | None = None
) -> tuple[Confidence, Floats]:
    """The chance that it `happened` [n], by the figures of `rows` [n] (all, or those named), with a threshold of 0.

    Also the chance [n] of each row by a regression that saw none of its group.
    """
    names = _names(rows) if figures is None else list(figures)
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    unseen = _unseen_scores(table, happened, groups)
    scores, chances = _corners(unseen, happened)
    weights, offset = _regression(table, happened)
    rounded = {name: round(weight, 4) for name, weight in zip(names, weights.tolist(), strict=True)}
    fitted = Confidence(rounded, round(offset, 4), scores, chances, 0.0)
    return fitted, np.array([fitted.calibrated(score) for score in unseen.tolist()])


def _names(rows: Sequence[Mapping[str, float]]) -> list[str]:
    counts: dict[str, int] = {}
    for row in rows:
        for name in row:
            counts[name] = counts.get(name, 0) + 1
    return sorted(name for name, count in counts.items() if count >= _LEAST_ROWS)


def _regression(table: Floats, happened: Bools) -> tuple[Floats, float]:
    """Weights of the figures as they are, and the offset; the ridge is on figures of unit variance."""
    mean, deviation = table.mean(axis=0), table.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    fitted = logistic(np.column_stack([(table - mean) / scale, np.ones(len(table))]), happened, _RIDGE)
    weights: Floats = fitted[:-1] / scale
    return weights, float(fitted[-1] - mean @ weights)


def _unseen_scores(table: Floats, happened: Bools, groups: Sequence[str]) -> Floats:
    fold = folds(groups, _FOLDS)
    scores = np.zeros(len(table))
    for number in np.unique(fold):
        weights, offset = _regression(table[fold != number], happened[fold != number])
        scores[fold == number] = table[fold == number] @ weights + offset
    return scores


def _corners(scores: Floats, happened: Bools) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Corners of the isotonic calibration: mean score and share of what happened, of stretches of several rows each.

    A stretch in which all or none happened is taken to have one row of the other kind.
    """
    order = np.argsort(scores, kind="stable")
    blocks = np.array_split(order, max(1, len(order) // _LEAST_BLOCK))
    sizes: npt.NDArray[np.int_] = np.array([len(block) for block in blocks])
    shares = np.array([(happened[block].sum() + 0.5) / (len(block) + 1) for block in blocks])
    rising = isotonic(shares, sizes)
    corners: list[tuple[float, float]] = []
    for chance in np.unique(rising):
        members = np.concatenate([block for block, level in zip(blocks, rising, strict=True) if level == chance])
        corners.append((round(float(scores[members].mean()), 4), round(float(chance), 4)))
    return tuple(score for score, _ in corners), tuple(chance for _, chance in corners)
