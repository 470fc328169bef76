"""The linear model behind the choice: ridge regression of what each action is worth beyond the shipped one.

With the shipped action as the zero, shrinking towards nothing is shrinking towards what is shipped. The sums that it
stands on can be added to and taken from, so a model without one file, or with a corrected reward, costs no new pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RIDGE = 10.0
"""Rows that speak for no difference: noise of 0.3 nats against differences of 0.1, squared."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`weights` [targets, columns], `residual_deviation` [targets] of the residuals, `inverse` [columns, columns]."""

    weights: Floats
    residual_deviation: Floats
    inverse: Floats


class Moments:
    """Sums over rows: `a` of x x', `b` of x y', `yy` of y y by target, `n` of rows."""

    def __init__(self, columns: int, targets: int) -> None:
        self.a: Floats = np.zeros((columns, columns))
        self.b: Floats = np.zeros((columns, targets))
        self.yy: Floats = np.zeros(targets)
        self.n = 0

    def add(self, x: Floats, y: Floats) -> None:
        """Count a row: its place x [columns] and its targets y [targets]."""
        self.a += np.outer(x, x)
        self.b += np.outer(x, y)
        self.yy += y * y
        self.n += 1

    def without(self, other: Moments) -> Moments:
        """The sums without the rows of another."""
        left = Moments(*self.b.shape)
        left.a, left.b = self.a - other.a, self.b - other.b
        left.yy, left.n = self.yy - other.yy, self.n - other.n
        return left

    def solve(self, ridge: float = RIDGE) -> Fit:
        """The ridge solution."""
        inverse = np.linalg.inv(self.a + ridge * np.eye(len(self.a)))
        weights = (inverse @ self.b).T
        explained = 2 * np.einsum("tc,ct->t", weights, self.b) - np.einsum("tc,cd,td->t", weights, self.a, weights)
        left: Floats = np.maximum(0.0, self.yy - explained) / max(1, self.n)
        return Fit(weights, np.sqrt(left), np.asarray(inverse, dtype=np.float64))


def moments(x: Floats, y: Floats) -> Moments:
    """The sums over rows x [n, columns] with targets y [n, targets]."""
    found = Moments(x.shape[1], y.shape[1])
    found.a, found.b = x.T @ x, x.T @ y
    found.yy, found.n = (y * y).sum(axis=0), len(x)
    return found
