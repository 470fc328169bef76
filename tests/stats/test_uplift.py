"""Areas under curves that are known."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.stats.uplift import area, skippable

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
