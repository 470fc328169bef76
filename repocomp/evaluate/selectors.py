"""Other ways to decide whether to retrieve, to hold the policy against: each gives a case a score, more means retrieve.

* `jaccard`: how similar the most similar window is (retrieve where something alike exists), asked after retrieval;
* `unsure`: how improbable the answer without retrieval was, by its mean token;
* `classifier`: logistic regression on thirteen figures of that answer's token probabilities, as in CARD (2024), trained
  on the other files of the same benchmark: a rival that has seen labels of the very repository.

The area under the curve of edit similarity over the retrieval rate says in one figure who spends retrievals best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FOLDS = 5
_RIDGE = 1.0
_STEPS = 20


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
    """Mean edit similarity over all retrieval rates, the highest scores retrieved first; ties share their gain."""
    gain = retrieved - without
    _, place = np.unique(-selector, return_inverse=True)
    counts = np.bincount(place)
    mean_gain = np.bincount(place, gain) / counts
    ordered = np.repeat(mean_gain, counts)
    curve = without.mean() + np.concatenate([[0.0], np.cumsum(ordered)]) / len(gain)
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
