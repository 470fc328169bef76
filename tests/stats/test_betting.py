"""The gate: rarely wrong when nothing is better, however often it is asked, and open when something is."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.stats.betting import ALPHA, judge


def test_at_most_one_in_twenty_is_let_through_that_is_no_better() -> None:
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        differences = rng.normal(0, 0.3, 300)
        wrong += any(judge(differences[:n]).is_above for n in (100, 300))
    assert wrong <= ALPHA * 200


def test_what_is_better_is_let_through_and_the_bound_is_true() -> None:
    rng = np.random.default_rng(2)
    verdicts = [judge(rng.normal(0.08, 0.2, 300)) for _ in range(50)]
    assert sum(verdict.is_above for verdict in verdicts) >= 45
    assert sum(verdict.lower > 0.08 for verdict in verdicts) <= 3


def test_evidence_that_was_lost_again_does_not_count() -> None:
    rng = np.random.default_rng(3)
    early, late = rng.normal(0.2, 0.1, 60), rng.normal(-0.3, 0.1, 300)
    assert judge(early).is_above
    assert not judge(np.concatenate([early, late])).is_above


@settings(max_examples=30)
@given(st.lists(st.floats(-2, 2), max_size=40))
def test_nothing_is_promised_beyond_the_bound(differences: list[float]) -> None:
    verdict = judge(differences)
    assert verdict.n == len(differences)
    assert -2 <= verdict.lower <= 2
    assert verdict.capital >= 0
