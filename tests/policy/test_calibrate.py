"""Calibration recovers known odds; the figures agree with their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.model.pack import Calibration
from repocomp.policy import calibrate

RNG = np.random.default_rng(7)


def test_fit_recovers_the_slope_and_offset_that_made_the_labels() -> None:
    odds = RNG.normal(0, 3, 40_000)
    truth = Calibration(0.5, -1.0)
    helped = RNG.random(odds.size) < calibrate.apply(truth, odds)
    fitted = calibrate.fit(odds, helped)
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.offset == pytest.approx(-1.0, abs=0.06)


def test_fit_lowers_the_calibration_error() -> None:
    odds = RNG.normal(0, 3, 40_000)
    helped = RNG.random(odds.size) < calibrate.apply(Calibration(0.3, -0.7), odds)
    before = calibrate.expected_calibration_error(calibrate.apply(Calibration(), odds), helped)
    after = calibrate.expected_calibration_error(calibrate.apply(calibrate.fit(odds, helped), odds), helped)
    assert after < 0.02 < before


def test_one_class_leaves_the_odds_alone_and_separable_classes_stay_finite() -> None:
    odds = np.array([-1.0, 2.0])
    assert calibrate.fit(odds, np.array([True, True])) == Calibration()
    fitted = calibrate.fit(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    assert np.isfinite(fitted.slope)
    assert np.isfinite(fitted.offset)


def test_roc_auc_equals_the_share_of_ordered_pairs() -> None:
    scores = RNG.integers(0, 6, 60).astype(np.float64)
    helped = RNG.random(60) < 0.4
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[helped] for n in scores[~helped]]
    assert calibrate.roc_auc(scores, helped) == pytest.approx(float(np.mean(pairs)), abs=1e-4)
    assert calibrate.roc_auc(scores, np.ones(60, dtype=bool)) is None


def test_extreme_odds_do_not_overflow() -> None:
    assert Calibration().apply(1e9) == pytest.approx(1.0)
    assert Calibration().apply(-1e9) == pytest.approx(0.0)
