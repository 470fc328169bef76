"""From trials to a pairing: a confidence for the generator's drafts, when reading helps, and when the first is enough.

Both thresholds are chosen on chances that were given by regressions which had not seen the repository: of all pairs of
them, the one with the most similar answers within the time that is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from repocomp.errors import TrainError
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import Pairing
from repocomp.stats.classification import expected_calibration_error, roc_auc
from repocomp.stats.regression import Floats
from repocomp.stats.resampling import Ints
from repocomp.train.chance import fit_chance
from repocomp.train.pairing.trials import Trial, Tried

TIME_SHARE = 0.65
"""Of the time that it takes to read always, an answer may take so much on average."""
_ASKED = (("unread.",), ("unread.", "first.", "is_agreed"), ("",))
"""Figures (by how their names begin) that may say whether reading helps: of the generator's draft, of both, all. Few
trials bear few figures; what predicts repositories best that the regression had not seen is taken."""
_LEAST_TRIALS = 100
_LEVELS = 21


@dataclass(frozen=True, slots=True)
class _Known:
    """The chance that each draft of n trials is kept [n], and that reading helps [n]; their similarities and ms [n, 3].

    The drafts are in the order first, unread, read.
    """

    first: Floats
    unread: Floats
    read: Floats
    reading: Floats
    similarity: Floats
    ms: Floats

    def drafts(self, keep: float, bound: float) -> tuple[Ints, Floats]:
        """Which draft is the answer [n] (0, 1, 2), and how long it takes [n]."""
        is_kept, reads = self.first >= keep, self.reading >= bound
        sure = np.column_stack([self.first, np.where(is_kept, -1.0, self.unread), self.read])
        sure[is_kept | ~reads, 2] = -1.0
        waited = self.ms[:, 1] + np.where(reads, self.ms[:, 2], 0.0)
        return sure.argmax(axis=1), self.ms[:, 0] + np.where(is_kept, 0.0, waited)


def fit(trials: Sequence[Trial], judge: Confidence) -> Pairing:
    """A pairing from trials on at least two repositories; `judge` judges the first drafts. Raises TrainError."""
    groups = [trial.repository for trial in trials]
    if len(trials) < _LEAST_TRIALS or len(set(groups)) < 2:
        message = f"{len(trials)} holes of {len(set(groups))} repositories are too few"
        raise TrainError(message, "name more work trees, or raise --holes")
    written, unread, read = _written(trials, groups)
    reading, helps = _reading(trials, groups)
    known = _Known(
        first=np.array([judge.of(one.first.figures) if one.first.figures else 0.0 for one in trials]),
        unread=unread,
        read=read,
        reading=helps,
        similarity=np.array([[draft.similarity for draft in _drafts(one)] for one in trials]),
        ms=np.array([[draft.ms for draft in _drafts(one)] for one in trials]),
    )
    keep, bound = _thresholds(known)
    return Pairing(keep, replace(reading, threshold=bound), written, _facts(trials, known, keep, bound))


def _drafts(trial: Trial) -> tuple[Tried, Tried, Tried]:
    """Where nothing could be read, reading is writing without."""
    return trial.first, trial.unread, trial.read or trial.unread


def _written(trials: Sequence[Trial], groups: Sequence[str]) -> tuple[Confidence, Floats, Floats]:
    """A confidence for what the generator writes, and the chances [n] of its unread and its read drafts."""
    tried = [draft for trial in trials for draft in _drafts(trial)[1:]]
    told = np.array([bool(draft.figures) for draft in tried])
    rows = [draft.figures for draft in tried if draft.figures]
    kept = np.array([draft.is_kept for draft in tried if draft.figures])
    twice = [group for group in groups for _ in range(2)]
    confidence, sure = fit_chance(rows, kept, [group for group, is_told in zip(twice, told, strict=True) if is_told])
    chances = np.zeros(len(tried))
    chances[told] = sure
    return confidence, chances[0::2], chances[1::2]


def _reading(trials: Sequence[Trial], groups: Sequence[str]) -> tuple[Confidence, Floats]:
    """The chance that a draft is better for having read, and that of each trial [n]."""
    helps = _gains(trials) > 0
    tries = [
        fit_chance([_named(trial.reading, beginnings) for trial in trials], helps, groups) for beginnings in _ASKED
    ]
    return max(tries, key=lambda one: float(np.log(np.where(helps, one[1], 1 - one[1])).sum()))


def _named(figures: Mapping[str, float], beginnings: tuple[str, ...]) -> Mapping[str, float]:
    return {name: value for name, value in figures.items() if name.startswith(beginnings)}


def _gains(trials: Sequence[Trial]) -> Floats:
    """By how much reading made the generator's draft more similar to the truth [n]."""
    return np.array([_drafts(trial)[2].similarity - trial.unread.similarity for trial in trials])


def _thresholds(known: _Known) -> tuple[float, float]:
    """Confidence from which the first draft is kept, and the chance from which the generator reads."""
    allowed = TIME_SHARE * float(known.ms[:, 2].mean())
    best, found = -1.0, (1.0, 1.0)
    levels = np.linspace(0, 1, _LEVELS)
    for keep, bound in product(*(np.unique(np.quantile(one, levels)) for one in (known.first, known.reading))):
        drafts, ms = known.drafts(float(keep), float(bound))
        similarity = float(known.similarity[np.arange(len(drafts)), drafts].mean())
        if ms.mean() <= allowed and similarity > best:
            best, found = similarity, (round(float(keep), 4), round(float(bound), 4))
    return found


def _facts(trials: Sequence[Trial], known: _Known, keep: float, bound: float) -> dict[str, object]:
    """What was fitted on, and what it gives there, in percent and milliseconds."""
    drafts, ms = known.drafts(keep, bound)
    exact = np.array([[draft.is_exact for draft in _drafts(trial)] for trial in trials])
    ways = {
        "first": (np.zeros(len(trials), int), known.ms[:, 0]),
        "unread": (np.ones(len(trials), int), known.ms[:, 1]),
    }
    ways |= {"read": (np.full(len(trials), 2), known.ms[:, 2]), "pair": (drafts, ms)}
    rows = np.arange(len(trials))
    figures = {
        name: {
            "similarity": round(100 * float(known.similarity[rows, which].mean()), 1),
            "exact": round(100 * float(exact[rows, which].mean()), 1),
            "ms": round(float(taken.mean()), 1),
        }
        for name, (which, taken) in ways.items()
    }
    return {
        "trials": len(trials),
        "repositories": sorted({trial.repository for trial in trials}),
        **figures,
        "reading_helps": _told(_gains(trials), known.reading, bound),
        "first_kept": round(float((known.first >= keep).mean()), 4),
        "read_share": round(float(((known.first < keep) & (known.reading >= bound)).mean()), 4),
    }


def _told(gains: Floats, chances: Floats, bound: float) -> dict[str, float | None]:
    """How well it is known whether reading helps, and what not reading below the `bound` spares."""
    left, harmed = chances < bound, gains < 0
    return {
        "share": round(float((gains > 0).mean()), 4),
        "harm_share": round(float(harmed.mean()), 4),
        "roc_auc": roc_auc(chances, gains > 0),
        "calibration_error": round(expected_calibration_error(chances, gains > 0), 4),
        "abstention_precision": round(float((gains[left] <= 0).mean()), 4) if left.any() else None,
        "harm_avoided": round(float(left[harmed].mean()), 4) if harmed.any() else None,
    }
