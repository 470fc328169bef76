"""Areas on cases whose curve is known; a classifier that cannot have seen its own file."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.evaluate.selectors import area, features, scores, skippable

WITHOUT = np.array([0.0, 0.5, 1.0, 0.5])
RETRIEVED = np.array([1.0, 0.5, 0.0, 0.5])


def test_the_best_order_has_the_largest_area_and_the_worst_the_smallest() -> None:
    gain = RETRIEVED - WITHOUT
    best, worst, chance = (area(score, WITHOUT, RETRIEVED) for score in (gain, -gain, np.zeros(4)))
    # Rates 0, 1/4 .. 1 score 0.5, 0.75, 0.75, 0.75, 0.5 when the helped case comes first and the harmed one last.
    assert best == pytest.approx((0.625 + 0.75 + 0.75 + 0.625) / 4)
    assert worst == pytest.approx((0.375 + 0.25 + 0.25 + 0.375) / 4)
    assert chance == pytest.approx(0.5)


def test_ties_are_worth_their_mean() -> None:
    tied = area(np.array([1.0, 0.0, 1.0, 0.0]), WITHOUT, RETRIEVED)
    assert tied == pytest.approx(0.5)


def test_what_may_be_skipped_is_what_loses_nothing() -> None:
    gain = RETRIEVED - WITHOUT
    # From always (0.5) back: without the harmed case 0.75, without all but the helped one 0.75, without it 0.5.
    assert skippable(gain, WITHOUT, RETRIEVED, 0.0) == 1.0
    assert skippable(-gain, WITHOUT, RETRIEVED, 0.0) == 1.0
    worse = np.array([0.0, 0.5, 0.5, 0.5])
    assert skippable(RETRIEVED - worse, worse, np.array([1.0, 0.5, 0.5, 0.5]), 0.0) == 0.75
    assert skippable(worse, worse, np.array([1.0, 0.5, 0.5, 0.5]), 0.0) == 0.0
    assert skippable(worse, worse, np.array([1.0, 0.5, 0.5, 0.5]), 0.25) == 1.0


def test_features_are_thirteen_and_finite() -> None:
    for logprobs in ([], [-0.1], [-0.1, -3.0, -0.5]):
        row = features(logprobs)
        assert len(row) == 13
        assert np.isfinite(row).all()


def test_the_classifier_learns_from_other_files_only() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 13))
    helped = rows[:, 3] > 0
    files = [f"{n % 20}.py" for n in range(200)]
    found = scores(np.zeros(200), np.zeros(200), rows.tolist(), helped, files)["classifier"]
    assert np.mean((found > 0) == helped) > 0.9
    # One file alone leaves nothing to learn from.
    assert not scores(np.zeros(200), np.zeros(200), rows.tolist(), helped, ["a.py"] * 200)["classifier"].any()
