"""The gate: whether paired differences are above zero, asked as often as one likes.

A bettor who starts with 1 stakes a share of the capital, chosen before each difference is seen, on its being above m.
If the mean is not above m the capital is a supermartingale, and by Ville's inequality it ever reaches 1 / alpha with a
probability of at most alpha. The m that are bet against in vain make a confidence sequence: Waudby-Smith and Ramdas,
"Estimating means of bounded random variables by betting", JRSS B 86 (2024), section 4; the stakes are their
approximate GRAPA (appendix B.3). Differences may drift: then it is about the mean of their conditional means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
BOUND = 1.0
"""No difference of two rewards, each within half of it, is larger; what cost makes larger is cut."""
_STAKE = 0.75
"""The largest share of the capital that one bet may cost."""
_POINTS = 161


@dataclass(frozen=True, slots=True)
class Verdict:
    """`n` differences with their `mean`, the `lower` end of the confidence sequence and the `capital` against 0."""

    n: int
    mean: float
    lower: float
    capital: float

    @property
    def is_above(self) -> bool:
        """Whether zero is excluded, and the evidence still stands."""
        return self.lower >= 0.0 and self.mean > 0 and self.capital >= 1.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "is_above": self.is_above}


def judge(differences: Sequence[float] | Floats) -> Verdict:
    """The verdict on differences in the order in which they were seen."""
    values = np.clip(np.asarray(differences, dtype=np.float64), -BOUND, BOUND)
    if not len(values):
        return Verdict(0, 0.0, -BOUND, 1.0)
    # Zero is one of the points.
    points = np.linspace(-BOUND, BOUND, _POINTS)
    logs = _log_capitals(values, points)
    excluded = points[logs.max(axis=0) >= -np.log(ALPHA)]
    return Verdict(
        len(values),
        round(float(values.mean()), 6),
        round(float(excluded.max()) if len(excluded) else -BOUND, 6),
        round(float(np.exp(min(50.0, logs[-1, _POINTS // 2]))), 4),
    )


def _log_capitals(values: Floats, points: Floats) -> Floats:
    """Log-capital [n, points] after each difference, against each mean."""
    counts = np.arange(1, len(values) + 1)
    # What was known before each difference, a prior of one with half the bound's deviation counted in.
    means = np.concatenate([[0.0], np.cumsum(values)[:-1]]) / counts
    squares = (BOUND**2 / 4 + np.concatenate([[0.0], np.cumsum(values**2)[:-1]])) / counts
    variances = np.maximum(squares - means**2, 1e-12)
    ahead = means[:, None] - points[None, :]
    stakes = np.clip(ahead / (variances[:, None] + ahead**2), 0.0, _STAKE / np.maximum(BOUND + points, 1e-9))
    result: Floats = np.cumsum(np.log1p(stakes * (values[:, None] - points[None, :])), axis=0)
    return result
