"""Calibration recovers known log-odds; the threshold skips what costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.model.pack import Calibration
from repocomp.policy import calibrate
from repocomp.stats.classification import expected_calibration_error

RNG = np.random.default_rng(7)


def test_fit_recovers_the_slope_and_offset_that_made_the_labels() -> None:
    log_odds = RNG.normal(0, 3, 40_000)
    truth = Calibration(0.5, -1.0)
    helped = RNG.random(log_odds.size) < calibrate.apply(truth, log_odds)
    fitted = calibrate.fit(log_odds, helped)
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.offset == pytest.approx(-1.0, abs=0.06)


def test_fit_lowers_the_calibration_error() -> None:
    log_odds = RNG.normal(0, 3, 40_000)
    helped = RNG.random(log_odds.size) < calibrate.apply(Calibration(0.3, -0.7), log_odds)
    before = expected_calibration_error(calibrate.apply(Calibration(), log_odds), helped)
    after = expected_calibration_error(calibrate.apply(calibrate.fit(log_odds, helped), log_odds), helped)
    assert after < 0.02 < before


def test_one_class_leaves_the_odds_alone_and_separable_classes_stay_finite() -> None:
    log_odds = np.array([-1.0, 2.0])
    assert calibrate.fit(log_odds, np.array([True, True])) == Calibration()
    fitted = calibrate.fit(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    assert np.isfinite(fitted.slope)
    assert np.isfinite(fitted.offset)


def test_the_best_threshold_skips_all_that_costs_nothing() -> None:
    p = np.array([0.1, 0.4, 0.6, 0.9])
    assert calibrate.best_threshold(p, np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1]), 2.0) == 0.4
    assert calibrate.best_threshold(p, np.zeros(4), np.ones(4), 2.0) == 0.0
    assert calibrate.best_threshold(p, np.ones(4), np.ones(4), 2.0) == 0.9
    # All at once would cost nothing, but some are worth much.
    assert calibrate.best_threshold(p, np.array([0.8, 0.5, 0.5, 0.5]), np.array([0.5, 0.5, 0.5, 0.8]), 2.0) == 0.6
    # Two that differ by chance are as good as their mean.
    assert calibrate.best_threshold(p, np.array([0.5, 0.2, 0.8, 0.2]), np.array([0.5, 0.5, 0.5, 0.8]), 2.0) == 0.6
    # Each would cost little, all together more than nothing.
    assert calibrate.best_threshold(p, np.zeros(4), np.full(4, 0.009), 2.0) == 0.0
    assert calibrate.best_threshold(p, np.zeros(4), np.array([0.002, 0.004, 0.006, 0.008]), 2.0) == 0.4


def test_extreme_odds_do_not_overflow() -> None:
    assert Calibration().apply(1e9) == pytest.approx(1.0)
    assert Calibration().apply(-1e9) == pytest.approx(0.0)
