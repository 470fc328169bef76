"""From verdicts to a confidence: logistic regression on the figures, isotonic calibration, and the bound to speak at.

The calibration stands on scores of repositories that the regression had not seen, and so does the bound: the lowest one
at which no more than `MOST_WRONG` of what is shown is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from repocomp.errors import TrainError
from repocomp.evaluate.silence import WRONG, Judged, Silence
from repocomp.model.confidence import Confidence
from repocomp.stats.regression import Bools, Floats, isotonic, logistic
from repocomp.stats.resampling import folds
from repocomp.train.confidence.label import Verdict

MOST_WRONG = 0.16
"""Two points below the 18 % that are promised: elsewhere it may be more."""
_FOLDS = 8
_LEAST_VERDICTS = 200
_LEAST_ROWS = 10
"""A figure that fewer answers have says nothing."""
_RIDGE = 10.0
_LEAST_BLOCK = 15
"""Answers that stand behind each corner of the calibration."""


def fit(verdicts: Sequence[Verdict], figures: Sequence[str] | None = None) -> Confidence:
    """A confidence from verdicts on at least two repositories, by `figures` or all there are. Raises TrainError."""
    told = [verdict for verdict in verdicts if verdict.figures]
    if len(told) < _LEAST_VERDICTS or len({verdict.repository for verdict in told}) < 2:
        hint = "name more repositories, or raise --holes"
        raise TrainError(f"{len(told)} answers of {len({v.repository for v in told})} repositories are too few", hint)
    names = _names(told) if figures is None else list(figures)
    table = np.array([[verdict.figures.get(name, 0.0) for name in names] for verdict in told])
    kept = np.array([verdict.is_kept for verdict in told])
    unseen = _unseen_scores(table, kept, [verdict.repository for verdict in told])
    scores, chances = _corners(unseen, kept)
    weights, offset = _regression(table, kept)
    rounded = {name: round(weight, 4) for name, weight in zip(names, weights.tolist(), strict=True)}
    draft = Confidence(rounded, round(offset, 4), scores, chances, 0.0)
    judged = _judged(verdicts, told, [draft.calibrated(score) for score in unseen])
    bound = _bound(judged)
    silence = Silence.of(judged, bound)
    facts = {
        "verdicts": len(verdicts),
        "repositories": sorted({verdict.repository for verdict in verdicts}),
        "kept": "exact, or first word right and edit similarity of at least one half",
        "roc_auc": None if silence is None else silence.roc_auc,
        "calibration_error": None if silence is None else silence.calibration_error,
        "shipped": None if silence is None else asdict(silence.shipped),
        "everything": None if silence is None else asdict(silence.everything),
    }
    return Confidence(rounded, draft.offset, scores, chances, bound, facts)


def _names(told: Sequence[Verdict]) -> list[str]:
    counts: dict[str, int] = {}
    for verdict in told:
        for name in verdict.figures:
            counts[name] = counts.get(name, 0) + 1
    return sorted(name for name, count in counts.items() if count >= _LEAST_ROWS)


def _regression(table: Floats, kept: Bools) -> tuple[Floats, float]:
    """Weights of the figures as they are, and the offset; the ridge is on figures of unit variance."""
    mean, deviation = table.mean(axis=0), table.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    fitted = logistic(np.column_stack([(table - mean) / scale, np.ones(len(table))]), kept, _RIDGE)
    weights: Floats = fitted[:-1] / scale
    return weights, float(fitted[-1] - mean @ weights)


def _unseen_scores(table: Floats, kept: Bools, repositories: Sequence[str]) -> Floats:
    """Scores [n], each by a regression that saw no answer of the same repository."""
    fold = folds(repositories, _FOLDS)
    scores = np.zeros(len(table))
    for number in np.unique(fold):
        weights, offset = _regression(table[fold != number], kept[fold != number])
        scores[fold == number] = table[fold == number] @ weights + offset
    return scores


def _corners(scores: Floats, kept: Bools) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Corners of the isotonic calibration: mean score and share of kept answers, of stretches of several answers each.

    A stretch in which all or none were kept is taken to have one answer of the other kind.
    """
    order = np.argsort(scores, kind="stable")
    blocks = np.array_split(order, max(1, len(order) // _LEAST_BLOCK))
    sizes: npt.NDArray[np.int_] = np.array([len(block) for block in blocks])
    shares = np.array([(kept[block].sum() + 0.5) / (len(block) + 1) for block in blocks])
    rising = isotonic(shares, sizes)
    corners: list[tuple[float, float]] = []
    for chance in np.unique(rising):
        members = np.concatenate([block for block, level in zip(blocks, rising, strict=True) if level == chance])
        corners.append((round(float(scores[members].mean()), 4), round(float(chance), 4)))
    return tuple(score for score, _ in corners), tuple(chance for _, chance in corners)


def _judged(verdicts: Sequence[Verdict], told: Sequence[Verdict], sure: Sequence[float]) -> list[Judged]:
    confidence = {id(verdict): chance for verdict, chance in zip(told, sure, strict=True)}
    return [
        Judged(confidence.get(id(one)), one.similarity, one.is_kept, is_answered=bool(one.figures)) for one in verdicts
    ]


def _bound(judged: Sequence[Judged]) -> float:
    """The lowest bound at which few enough of the answers shown are wrong."""
    told = sorted((one for one in judged if one.confidence is not None), key=lambda one: -(one.confidence or 0.0))
    wrong = np.cumsum([one.similarity < WRONG for one in told])
    shares = wrong / np.arange(1, len(told) + 1)
    enough = np.flatnonzero(shares <= MOST_WRONG)
    return round(float(told[int(enough[-1])].confidence or 0.0), 4) if len(enough) else 1.0
