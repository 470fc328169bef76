"""Other ways to decide whether to retrieve, to hold the policy against: each gives a case a score, more means retrieve.

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
import numpy.typing as npt

from repocomp.evaluate.cases import Case
from repocomp.policy.calibrate import roc_auc
from repocomp.stats.intervals import NO_LOSS, Bools, Floats

_AREA_RESAMPLES = 300
_FOLDS = 5
_RIDGE = 1.0
_STEPS = 20


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


def compare_selectors(
    cases: Sequence[Case], p: Floats, resample: Sequence[npt.NDArray[np.intp]]
) -> tuple[Selector, ...]:
    """Every selector on the same cases, chance first and the oracle last; `p` [n] is what the policy said."""
    without = np.array([case.without.similarity for case in cases])
    retrieved = np.array([case.retrieved.similarity for case in cases])
    helped = retrieved > without
    rows = [features(case.without.logprobs) for case in cases]
    jaccard = np.array([case.jaccard for case in cases])
    ranked = scores(p, jaccard, rows, helped, [case.path for case in cases])
    named = {"random": np.zeros(len(p)), **ranked, "oracle": retrieved - without}
    orders = [_order(score) for score in named.values()]

    def areas(items: npt.NDArray[np.intp]) -> Floats:
        return np.array([_area(_curve(order[items], without[items], retrieved[items])) for order in orders])

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


def area(selector: Floats, without: Floats, retrieved: Floats) -> float:
    """Mean edit similarity over all retrieval rates, the highest scores retrieved first."""
    return _area(_curve(_order(selector), without, retrieved))


def skippable(selector: Floats, without: Floats, retrieved: Floats, loss: float) -> float:
    """The largest share of retrievals (0..1) that this order can skip and lose at most `loss` against always."""
    curve = _curve(_order(selector), without, retrieved)
    fewest = int(np.argmax(curve >= curve[-1] - loss - 1e-12))
    return 1 - fewest / len(selector)


def _order(selector: Floats) -> npt.NDArray[np.intp]:
    """The place [n] of each score among all that there are, the highest 0."""
    places: npt.NDArray[np.intp] = np.unique(-selector, return_inverse=True)[1]
    return places


def _curve(order: npt.NDArray[np.intp], without: Floats, retrieved: Floats) -> Floats:
    """Mean edit similarity [n + 1] when the first 0 .. n of an order retrieve; ties share their gain."""
    gain = retrieved - without
    counts = np.bincount(order)
    there = counts.nonzero()[0]
    ordered = np.repeat(np.bincount(order, gain)[there] / counts[there], counts[there])
    result: Floats = without.mean() + np.concatenate([[0.0], np.cumsum(ordered)]) / len(gain)
    return result


def _area(curve: Floats) -> float:
    return float((curve[1:] + curve[:-1]).mean() / 2)


def _out_of_fold(table: Floats, helped: Bools, files: Sequence[str]) -> Floats:
    """Log-odds [n] from a classifier that saw no case of the same file."""
    names = {name: number % _FOLDS for number, name in enumerate(dict.fromkeys(files))}
    fold = np.array([names[name] for name in files])
    spread = table.std(axis=0)
    design = np.concatenate(
        [(table - table.mean(axis=0)) / np.where(spread > 0, spread, 1), np.ones((len(table), 1))], 1
    )
    result = np.zeros(len(table))
    for number in range(_FOLDS):
        seen = fold != number
        if seen.any() and (~seen).any():
            result[~seen] = design[~seen] @ _logistic(design[seen], helped[seen])
    return result


def _logistic(design: Floats, helped: Bools) -> Floats:
    """Ridge logistic regression by Newton's method (iteratively reweighted least squares)."""
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        hessian = (design * (p * (1 - p))[:, None]).T @ design + _RIDGE * np.eye(len(weights))
        weights = weights - np.linalg.solve(hessian, design.T @ (p - helped) + _RIDGE * weights)
    return weights


def _percent(value: float) -> float:
    return round(100 * float(value), 2)
