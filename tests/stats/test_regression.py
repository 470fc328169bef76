"""Fits against what makes them the best: no other sequence that rises, no other weights, are closer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.stats.regression import isotonic, logistic, platt

RNG = np.random.default_rng(3)


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 5)), min_size=1, max_size=30))
def test_no_part_of_the_isotonic_fit_could_be_closer(points: list[tuple[float, int]]) -> None:
    values, weights = (np.array(column) for column in zip(*points, strict=True))
    fitted = isotonic(values, weights)
    assert (np.diff(fitted) >= 0).all()
    # The shifts that keep it rising: an upper part up, a lower part down.
    at = np.arange(len(values))
    for cut in at:
        for moved in (fitted + 0.01 * (at >= cut), fitted - 0.01 * (at <= cut)):
            assert (weights * (values - moved) ** 2).sum() >= (weights * (values - fitted) ** 2).sum() - 1e-9


def test_platt_recovers_what_made_the_labels_and_needs_two_classes() -> None:
    x = RNG.normal(0, 3, 40_000)
    fitted = platt(x, RNG.random(x.size) < 1 / (1 + np.exp(1.0 - 0.5 * x)))
    assert fitted is not None
    assert fitted[0] == pytest.approx(0.5, abs=0.03)
    assert fitted[1] == pytest.approx(-1.0, abs=0.06)
    assert platt(x, np.ones(x.size, dtype=bool)) is None


def test_the_gradient_of_the_penalised_likelihood_is_zero_at_the_logistic_weights() -> None:
    design = RNG.normal(size=(500, 3))
    labels = RNG.random(500) < 1 / (1 + np.exp(-design @ np.array([1.0, -2.0, 0.0])))
    weights = logistic(design, labels)
    assert np.allclose(design.T @ (1 / (1 + np.exp(-design @ weights)) - labels) + weights, 0, atol=1e-6)
