"""The bootstrap takes groups whole; an interval holds its mean; folds keep a group together."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.stats.resampling import bootstrap, folds, interval


def test_the_bootstrap_takes_files_whole() -> None:
    for resample in bootstrap(["a", "b", "a", "c"], seed=0):
        assert (resample == 0).sum() == (resample == 2).sum()


def test_an_interval_holds_the_mean_and_is_a_point_without_variance() -> None:
    values = np.array([0.0, 1.0] * 50)
    low, high = interval(values, bootstrap([str(n) for n in range(100)], seed=0))
    assert low < 0.5 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.05, rel=0.15)
    assert interval(np.ones(4), bootstrap(list("abcd"), seed=0)) == (1.0, 1.0)


def test_folds_keep_a_group_together_and_deal_groups_in_turn() -> None:
    assert folds(["a", "b", "a", "c", "b"], 2).tolist() == [0, 1, 0, 0, 1]
