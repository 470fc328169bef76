"""Figures of a summary, on outcomes whose figures are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.evaluate.cases import Answer, Case
from repocomp.evaluate.summary import summarise
from repocomp.stats.intervals import best_threshold, bootstrap, interval, isotonic


def answer(similarity: float, prefill: float, likelihood: float = 0.0) -> Answer:
    ms = {"prefill": prefill, "policy": 0.0, "retrieve": 0.0, "copy": 0.0, "decode": 10.0}
    scores = (similarity == 1.0, similarity, similarity, similarity == 1.0, similarity)
    return Answer("", *scores, 100, 0, 5, ms, bits=-10 * likelihood, likelihood=likelihood)


def case(path: str, without: float, retrieved: float, probability: float, threshold: float = 0.5) -> Case:
    sides = answer(without, 20.0), answer(retrieved, 15.0)
    return Case(path, 1, 0, "line", "", probability, threshold, *sides, ("b.py:1-2",), 0.1, {"copy": answer(0.25, 0.0)})


FOUR = [
    case("a", 0.2, 1.0, 0.9),  # helped, retrieved for
    case("a", 1.0, 0.6, 0.1),  # harmed, skipped, right
    case("b", 0.4, 0.4, 0.3),  # neither, skipped, wrong
    case("b", 0.0, 0.2, 0.2),  # helped, missed
]


def test_known_figures() -> None:
    summary = summarise(FOUR, seed=0)
    assert (summary.holes, summary.files) == (4, 2)
    rows = {row.policy: (row.exact_match, row.edit_similarity, row.retrieval_rate) for row in summary.scores}
    assert rows == {
        "never": (25.0, 40.0, 0.0),
        "always": (25.0, 55.0, 100.0),
        "random": (25.0, 43.75, 25.0),
        "greedy": (50.0, 60.0, 25.0),
        "threshold": (50.0, 60.0, 25.0),
        "oracle": (50.0, 65.0, 50.0),
    }
    assert (summary.gain, summary.helped, summary.harmed) == (15.0, 50.0, 25.0)
    assert (summary.harm_avoided, summary.abstention_precision) == (100.0, 66.67)
    assert (summary.roc_auc, summary.decision_accuracy) == (0.75, 75.0)
    assert summary.abstention == (25.0, 25.0, 25.0)


def test_the_truth_becomes_likelier() -> None:
    def told(without: float, retrieved: float, size: int) -> Case:
        sides = answer(0.5, 1.0, without), answer(0.5, 1.0, retrieved)
        return replace(FOUR[0], without=sides[0], retrieved=sides[1], measured_bytes=size)

    summary = summarise([told(-2.0, -1.0, 10), told(-4.0, -3.5, 30)], seed=0)
    assert summary.likelihood_gain == 0.75
    assert summary.likelihood_interval == (0.75, 0.75)  # one file
    assert (summary.score("never").bits_per_byte, summary.score("always").bits_per_byte) == (1.5, 1.125)


def test_baselines_are_scored_beside() -> None:
    (baseline,) = summarise(FOUR, seed=0).baselines
    assert (baseline.name, baseline.edit_similarity, baseline.interval) == ("copy", 25.0, (25.0, 25.0))


def test_retrieval_pays_for_the_shared_prompt_too() -> None:
    summary = summarise(FOUR, seed=0)
    assert (summary.score("never").ms["total"], summary.score("always").ms["total"]) == (30.0, 45.0)
    assert summary.score("threshold").ms["total"] == 33.75
    assert (summary.score("threshold").p50, summary.score("threshold").p95) == (30.0, 42.75)


def test_the_curve_runs_from_always_to_never() -> None:
    curve = summarise(FOUR, seed=0).curve
    assert (curve[0].retrieval_rate, curve[0].edit_similarity) == (100.0, 55.0)
    assert (curve[-1].retrieval_rate, curve[-1].edit_similarity) == (0.0, 40.0)
    assert [point.threshold for point in curve] == sorted(point.threshold for point in curve)


def test_a_case_survives_json() -> None:
    assert Case.from_json(json.loads(json.dumps(FOUR[0].to_json()))) == FOUR[0]


def test_a_summary_of_one_class_has_no_curve_but_every_other_figure() -> None:
    summary = summarise([case("a", 0.5, 0.5, 0.5, threshold=0.2)], seed=0)
    assert summary.roc_auc is None
    assert summary.abstention_precision == 0.0


def test_the_bootstrap_takes_files_whole() -> None:
    for resample in bootstrap(["a", "b", "a", "c"], seed=0):
        assert (resample == 0).sum() == (resample == 2).sum()


def test_an_interval_holds_the_mean_and_is_a_point_without_variance() -> None:
    values = np.array([0.0, 1.0] * 50)
    low, high = interval(values, bootstrap([str(n) for n in range(100)], seed=0))
    assert low < 50.0 < high
    assert high - low == pytest.approx(2 * 1.96 * 5, rel=0.15)
    assert interval(np.ones(4), bootstrap(list("abcd"), seed=0)) == (100.0, 100.0)


def test_the_best_threshold_skips_all_that_costs_nothing() -> None:
    p = np.array([0.1, 0.4, 0.6, 0.9])
    assert best_threshold(p, np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1]), 2.0) == 0.4
    assert best_threshold(p, np.zeros(4), np.ones(4), 2.0) == 0.0
    assert best_threshold(p, np.ones(4), np.ones(4), 2.0) == 0.9
    # All at once would cost nothing, but some are worth much.
    assert best_threshold(p, np.array([0.8, 0.5, 0.5, 0.5]), np.array([0.5, 0.5, 0.5, 0.8]), 2.0) == 0.6
    # Two that differ by chance are as good as their mean.
    assert best_threshold(p, np.array([0.5, 0.2, 0.8, 0.2]), np.array([0.5, 0.5, 0.5, 0.8]), 2.0) == 0.6
    # Each would cost little, all together more than nothing.
    assert best_threshold(p, np.zeros(4), np.full(4, 0.009), 2.0) == 0.0
    assert best_threshold(p, np.zeros(4), np.array([0.002, 0.004, 0.006, 0.008]), 2.0) == 0.4


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
