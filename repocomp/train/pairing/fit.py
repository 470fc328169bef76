"""From trials to a pairing: who is how sure beside the others, when reading helps, and when the first draft is enough.

Both thresholds are chosen on chances that were given by regressions which had not seen the repository: of all pairs of
them, the one with the best answers within the time that is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np

from repocomp.complete.beside import beside
from repocomp.errors import TrainError
from repocomp.evaluate.silence import Judged, Silence
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import AUTHORS, Author, Pairing
from repocomp.stats.classification import expected_calibration_error, roc_auc
from repocomp.stats.regression import Floats
from repocomp.stats.resampling import Ints
from repocomp.train.chance import fit_chance
from repocomp.train.confidence.fit import speaking_bound
from repocomp.train.pairing.trials import Trial, Tried

TIME_SHARE = 0.73
"""Of the time that it takes to read always, an answer may take so much, in the mean and at the median.

Of 523 trials it gives 1.46 and 1.38 times the speed, at edit similarity 64.7 and 38.8 % exact answers (always reading:
64.1 and 38.6). With less, more first drafts are kept and more places left unread, and answers get worse: 63.6 and
36.5 % at 0.65.
"""
_COMPANY: Mapping[Author, tuple[tuple[Author, ...], ...]] = {
    "first": ((), ("unread",), ("read",)),
    "unread": ((), ("first",)),
    "read": ((), ("first",)),
}
"""What other drafts there may be when one is judged: none, or the other one that is written."""
_LEAST_TRIALS = 100
_LEVELS = 21


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of n trials; `similarity`, `exact` and `ms` [n, 4] in columns first, unread, read, always.

    `alone` [n] is the chance that the first draft is kept by itself, `unread` [n, 2] and `read` [n, 2] those of the
    first draft and of the generator's beside each other, `reading` [n] the chance that reading helps (-1: nothing to
    read).
    """

    alone: Floats
    unread: Floats
    read: Floats
    reading: Floats
    similarity: Floats
    exact: Floats
    ms: Floats

    def drafts(self, keep: float, bound: float) -> tuple[Ints, Floats]:
        """Which draft is the answer [n] (0, 1, 2), and how long it takes [n]."""
        is_kept, reads = self.alone >= keep, self.reading >= bound
        beside = np.where(reads, 2 * self.read.argmax(axis=1), self.unread.argmax(axis=1))
        waited = np.where(reads, self.ms[:, 2], self.ms[:, 1])
        return np.where(is_kept, 0, beside), self.ms[:, 0] + np.where(is_kept, 0.0, waited)

    def chances(self, keep: float, bound: float) -> Floats:
        """How sure the answer is [n]."""
        beside = np.where(self.reading >= bound, self.read.max(axis=1), self.unread.max(axis=1))
        return np.where(self.alone >= keep, self.alone, beside)

    def worth(self, drafts: Ints) -> float:
        """Mean of edit similarity and exact match of these drafts [n], in 0..1."""
        at = np.arange(len(drafts))
        return float((self.similarity + self.exact)[at, drafts].mean() / 2)


def fit(trials: Sequence[Trial], judge: Confidence) -> Pairing:
    """A pairing from trials on at least two repositories; `judge` judges first drafts alone. Raises TrainError."""
    groups = [trial.repository for trial in trials]
    if len(trials) < _LEAST_TRIALS or len(set(groups)) < 2:
        message = f"{len(trials)} holes of {len(set(groups))} repositories are too few"
        raise TrainError(message, "name more work trees, or raise --holes")
    judges = {author: _judge(trials, author) for author in AUTHORS}
    reading, helps = _reading(trials, groups)
    sure = {author: chances for author, (_, chances) in judges.items()}
    known = _Known(
        alone=np.array([judge.of(one.first.figures) if one.first.figures else 0.0 for one in trials]),
        unread=np.column_stack([sure["first"][:, 1], sure["unread"][:, 1]]),
        read=np.column_stack([sure["first"][:, 2], sure["read"][:, 1]]),
        reading=np.where([one.read is not None for one in trials], helps, -1.0),
        similarity=np.array([[draft.similarity for draft in _drafts(one)] for one in trials]),
        exact=np.array([[draft.is_exact for draft in _drafts(one)] for one in trials], np.float64),
        ms=np.array([[draft.ms for draft in _drafts(one)] for one in trials]),
    )
    keep, bound = _thresholds(known)
    answers = _answers(trials, known, keep, bound)
    speaks = speaking_bound(answers)
    drafts = {author: replace(fitted, threshold=speaks) for author, (fitted, _) in judges.items()}
    facts = {**_facts(trials, known, keep, bound), "silence": _silence(answers, speaks)}
    return Pairing(keep, replace(reading, threshold=bound), drafts, facts)


def _drafts(trial: Trial) -> tuple[Tried, Tried, Tried, Tried]:
    """In the order of the columns; where nothing could be read, reading is writing without."""
    return trial.first, trial.unread, trial.read or trial.unread, trial.always


def _judge(trials: Sequence[Trial], author: Author) -> tuple[Confidence, Floats]:
    """A confidence for what the `author` drafts, and its chances [n, companies]; 0 where there is no such draft."""
    companies = _COMPANY[author]
    places, rows, kept = [], [], []
    for at, trial in enumerate(trials):
        draft = trial.drafts.get(author)
        for company, others in enumerate(companies):
            if draft is not None and draft.figures and trial.drafts.keys() >= set(others):
                places.append((at, company))
                rows.append(beside(draft.figures, {other: trial.alike[author][other] for other in others}))
                kept.append(draft.is_kept)
    if len(rows) < _LEAST_TRIALS:
        raise TrainError(f"{len(rows)} drafts are too few to judge", "name more work trees, or raise --holes")
    confidence, sure = fit_chance(rows, np.array(kept), [trials[at].repository for at, _ in places])
    chances = np.zeros((len(trials), len(companies)))
    chances[tuple(zip(*places, strict=True))] = sure
    return confidence, chances


def _reading(trials: Sequence[Trial], groups: Sequence[str]) -> tuple[Confidence, Floats]:
    """The chance that a draft is better for having read, and that of each trial [n]."""
    return fit_chance([trial.reading for trial in trials], _gains(trials) > 0, groups)


def _gains(trials: Sequence[Trial]) -> Floats:
    """By how much reading made the generator's draft more similar to the truth [n]."""
    return np.array([_drafts(trial)[2].similarity - trial.unread.similarity for trial in trials])


def _thresholds(known: _Known) -> tuple[float, float]:
    """Confidence from which the first draft is kept, and the chance from which the generator reads."""
    always = known.ms[:, 3]
    best, found = -1.0, (1.0, 1.0)
    levels = np.linspace(0, 1, _LEVELS)
    for keep, bound in product(
        *(np.append(np.unique(np.quantile(one, levels)), 1.0) for one in (known.alone, known.reading))
    ):
        drafts, ms = known.drafts(float(keep), float(bound))
        is_quick = ms.mean() <= TIME_SHARE * always.mean() and np.median(ms) <= TIME_SHARE * np.median(always)
        if is_quick and known.worth(drafts) > best:
            best, found = known.worth(drafts), (round(float(keep), 4), round(max(0.0, float(bound)), 4))
    return found


def _answers(trials: Sequence[Trial], known: _Known, keep: float, bound: float) -> list[Judged]:
    """The answers of the pair, as the sureness of answers is judged."""
    drafts, _ = known.drafts(keep, bound)
    sure = known.chances(keep, bound)
    chosen = [_drafts(trial)[at] for trial, at in zip(trials, drafts.tolist(), strict=True)]
    return [
        Judged(chance if draft.figures else None, draft.similarity, draft.is_kept, is_answered=bool(draft.figures))
        for draft, chance in zip(chosen, sure.tolist(), strict=True)
    ]


def _silence(answers: Sequence[Judged], bound: float) -> dict[str, object] | None:
    silence = Silence.of(answers, bound)
    if silence is None:
        return None
    return {"shipped": asdict(silence.shipped), "everything": asdict(silence.everything), "roc_auc": silence.roc_auc}


def _facts(trials: Sequence[Trial], known: _Known, keep: float, bound: float) -> dict[str, object]:
    """What was fitted on, and what it gives there, in percent and milliseconds."""
    drafts, ms = known.drafts(keep, bound)
    columns = ("first", "unread", "read", "always")
    ways = {name: (np.full(len(trials), at), known.ms[:, at]) for at, name in enumerate(columns)}
    ways["pair"] = (drafts, ms)
    rows = np.arange(len(trials))
    figures = {
        name: {
            "similarity": round(100 * float(known.similarity[rows, which].mean()), 1),
            "exact": round(100 * float(known.exact[rows, which].mean()), 1),
            "ms": round(float(taken.mean()), 1),
            "median_ms": round(float(np.median(taken)), 1),
        }
        for name, (which, taken) in ways.items()
    }
    is_kept = known.alone >= keep
    return {
        "trials": len(trials),
        "repositories": sorted({trial.repository for trial in trials}),
        **figures,
        "reading_helps": _told(_gains(trials)[known.reading >= 0], known.reading[known.reading >= 0], bound),
        "first_kept": round(float(is_kept.mean()), 4),
        "read_share": round(float((~is_kept & (known.reading >= bound)).mean()), 4),
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
