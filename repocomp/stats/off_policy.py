"""What another policy would have earned, from a log of one that explored: off-policy evaluation with its sources.

IPS (Horvitz and Thompson 1952), SNIPS (Swaminathan and Joachims 2015), DM (a reward model alone), DR (Dudik, Langford
and Li 2011), SWITCH-DR (Wang, Agarwal and Dudik 2017) and DRos (Su, Dimakopoulou, Krishnamurthy and Dudik 2020). The
effective sample size (Kong 1992) says how many plain draws the weighted ones are worth: below `LEAST_ESS` there is no
verdict, whatever the estimates say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

LEAST_ESS = 200.0
_SWITCHES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, np.inf)
_SHRINKS = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e6)


@dataclass(frozen=True, slots=True)
class Log:
    """What was logged: the `taken` action [n], its `propensity` [n] in (0, 1], the `reward` [n].

    `model` [n, actions] is what a reward model expects, fitted to other rows.
    """

    taken: Ints
    propensity: Floats
    reward: Floats
    model: Floats


@dataclass(frozen=True, slots=True)
class Estimate:
    """A policy's `value` with its standard `error`."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every estimate of one policy's mean reward, and the effective sample size behind them."""

    n: int
    ess: float
    estimates: Mapping[str, Estimate]

    @property
    def is_enough(self) -> bool:
        """Whether a verdict may stand on it."""
        return self.ess >= LEAST_ESS

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        named = {name: asdict(one) for name, one in self.estimates.items()}
        return {"n": self.n, "ess": round(self.ess, 1), "is_enough": self.is_enough, "estimates": named}


def evaluate(log: Log, target: Floats) -> Evaluation:
    """Estimate the mean reward of the policy that takes actions with the probabilities `target` [n, actions]."""
    n = len(log.reward)
    if not n:
        return Evaluation(0, 0.0, {})
    rows = np.arange(n)
    weights = target[rows, log.taken] / log.propensity
    direct = (target * log.model).sum(axis=1)
    left = log.reward - log.model[rows, log.taken]
    total = weights.sum()
    snips = float(weights @ log.reward / total) if total else 0.0
    terms = {
        "IPS": weights * log.reward,
        "DM": direct,
        "DR": direct + weights * left,
        "SWITCH-DR": direct + _tuned(weights, left, direct, _SWITCHES, _switched) * left,
        "DRos": direct + _tuned(weights, left, direct, _SHRINKS, _shrunk) * left,
    }
    found = {name: Estimate(float(values.mean()), _error(values)) for name, values in terms.items()}
    # The delta method for a ratio of means.
    linearised = weights * (log.reward - snips) / max(float(weights.mean()), 1e-12)
    found["SNIPS"] = Estimate(snips, _error(linearised))
    return Evaluation(n, effective_size(weights), found)


def effective_size(weights: Floats) -> float:
    """How many plain draws the weighted ones are worth."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _switched(weights: Floats, limit: float) -> Floats:
    return np.where(weights <= limit, weights, 0.0)


def _shrunk(weights: Floats, strength: float) -> Floats:
    result: Floats = strength * weights / (weights**2 + strength)
    return result


def _tuned(
    weights: Floats,
    left: Floats,
    direct: Floats,
    candidates: tuple[float, ...],
    change: Callable[[Floats, float], Floats],
) -> Floats:
    """The changed weights with the least estimated squared error, bias squared plus variance (Su et al., section 5)."""

    def squared_error(changed: Floats) -> float:
        bias = float(np.abs((changed - weights) * left).mean())
        return bias**2 + float((direct + changed * left).var()) / len(weights)

    return min((change(weights, value) for value in candidates), key=squared_error)


def _error(values: Floats) -> float:
    return float(values.std() / np.sqrt(len(values)))
