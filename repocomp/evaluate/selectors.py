"""Other ways to decide whether to retrieve, as rivals of the policy: each scores a case, and more means retrieve.

* `jaccard`: how similar the most similar window is (retrieve where something alike exists), asked after retrieval;
* `unsure`: how improbable the answer without retrieval was, by its mean token;
* `classifier`: logistic regression on thirteen figures of that answer's token probabilities, as in CARD (2024), trained
  on the other files of the same benchmark: a rival that has seen labels of the very repository.

The area under the curve of edit similarity over the retrieval rate says in one figure who spends retrievals best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.evaluate.cases import Case
from repocomp.policy.calibrate import NO_LOSS
from repocomp.stats.classification import Bools, Floats, roc_auc
from repocomp.stats.regression import logistic
from repocomp.stats.resampling import Ints, folds
from repocomp.stats.uplift import area_under, curve, order, skippable

_AREA_RESAMPLES = 300
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Selector:
    """A way to decide: mean ES in percent over all retrieval rates, and ROC-AUC of its scores.

    `skippable` is the largest percentage of retrievals it could skip at a loss of `NO_LOSS` against always.
    """

    name: str
    area: float
    interval_to_policy: tuple[float, float]
    roc_auc: float | None
    skippable: float


def compare_selectors(cases: Sequence[Case], p: Floats, resample: Sequence[Ints]) -> tuple[Selector, ...]:
    """Every selector on the same cases, chance first and the oracle last; `p` [n] is what the policy said."""
    without = np.array([case.without.similarity for case in cases])
    retrieved = np.array([case.retrieved.similarity for case in cases])
    helped = retrieved > without
    rows = [features(case.without.logprobs) for case in cases]
    jaccard = np.array([case.jaccard for case in cases])
    ranked = scores(p, jaccard, rows, helped, [case.path for case in cases])
    named = {"random": np.zeros(len(p)), **ranked, "oracle": retrieved - without}
    orders = [order(score) for score in named.values()]

    def areas(items: Ints) -> Floats:
        return np.array([area_under(curve(ranks[items], without[items], retrieved[items])) for ranks in orders])

    whole = areas(np.arange(len(p)))
    drawn = np.array([areas(items) for items in resample[:_AREA_RESAMPLES]])
    ahead = drawn[:, [list(named).index("policy")]] - drawn
    low, high = np.percentile(ahead, [2.5, 97.5], axis=0)
    return tuple(
        Selector(
            name,
            _percent(whole[at]),
            (_percent(low[at]), _percent(high[at])),
            roc_auc(score, helped),
            _percent(skippable(score, without, retrieved, NO_LOSS / 100)),
        )
        for at, (name, score) in enumerate(named.items())
    )


def features(logprobs: Sequence[float]) -> list[float]:
    """Thirteen figures of the natural log-probabilities of an answer's tokens; zeros for an empty one."""
    if not logprobs:
        return [0.0] * 13
    x = np.array(logprobs)
    p = np.exp(x)
    quartiles = np.percentile(x, [25, 50, 75]).tolist()
    return [
        float(value)
        for value in (
            *(x.mean(), x.min(), x.max(), x.std(), *quartiles, x[0], x[-1], x.sum()),
            *(p.mean(), (p < 0.5).mean(), len(x)),
        )
    ]


def scores(
    policy: Floats, jaccard: Floats, rows: Sequence[Sequence[float]], helped: Bools, files: Sequence[str]
) -> Mapping[str, Floats]:
    """The score [n] of every selector in every case."""
    table = np.array(rows, dtype=np.float64)
    return {
        "policy": policy,
        "jaccard": jaccard,
        "unsure": -table[:, 0],
        "classifier": _out_of_fold(table, helped, files),
    }


def _out_of_fold(table: Floats, helped: Bools, files: Sequence[str]) -> Floats:
    """Log-odds [n] from a classifier that saw no case of the same file."""
    fold = folds(files, _FOLDS)
    deviation = table.std(axis=0)
    design = np.concatenate(
        [(table - table.mean(axis=0)) / np.where(deviation > 0, deviation, 1), np.ones((len(table), 1))], 1
    )
    result = np.zeros(len(table))
    for number in range(_FOLDS):
        seen = fold != number
        if seen.any() and (~seen).any():
            result[~seen] = design[~seen] @ logistic(design[seen], helped[seen])
    return result


def _percent(value: float) -> float:
    return round(100 * float(value), 2)
