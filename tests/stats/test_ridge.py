"""Ridge regression by sums: what is added and taken away is as if it had been so from the start."""

from __future__ import annotations

import numpy as np

from repocomp.stats.ridge import Moments, moments

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)), RNG.normal(size=(60, 3))


def test_sums_row_by_row_are_those_of_all_rows() -> None:
    sums = Moments(4, 3)
    for x, y in zip(X, Y, strict=True):
        sums.add(x, y)
    assert np.allclose(sums.solve(2.0).weights, np.linalg.solve(X.T @ X + 2 * np.eye(4), X.T @ Y).T)
    left = sums.without(moments(X[:20], Y[:20])).solve()
    assert np.allclose(left.weights, moments(X[20:], Y[20:]).solve().weights)
    assert np.allclose(left.residual_deviation, moments(X[20:], Y[20:]).solve().residual_deviation)


def test_the_deviation_is_that_of_the_residuals() -> None:
    fit = moments(X, Y).solve(1e-9)
    assert np.allclose(fit.residual_deviation, (Y - X @ fit.weights.T).std(axis=0), atol=0.02)
