"""ROC-AUC and calibration error against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.stats.classification import Bin, expected_calibration_error, reliability, roc_auc

RNG = np.random.default_rng(7)


def test_roc_auc_equals_the_share_of_ordered_pairs() -> None:
    scores = RNG.integers(0, 6, 60).astype(np.float64)
    labels = RNG.random(60) < 0.4
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels] for n in scores[~labels]]
    assert roc_auc(scores, labels) == pytest.approx(float(np.mean(pairs)), abs=1e-4)
    assert roc_auc(scores, np.ones(60, dtype=bool)) is None


def test_the_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    p, labels = np.array([0.25, 0.75, 0.25, 0.75]), np.array([False, True, False, False])
    assert reliability(p, labels, bins=2) == (Bin(0.25, 0.0, 2), Bin(0.75, 0.5, 2))
    assert expected_calibration_error(p, labels, bins=2) == (0.25 + 0.25) / 2
    assert expected_calibration_error(np.array([]), np.array([], dtype=bool)) == 0.0
