"""Figures of a summary, on outcomes whose figures are known."""

from __future__ import annotations

import json
from dataclasses import replace

from repocomp.evaluate.cases import Answer, Case, PairAnswer
from repocomp.evaluate.summary import summarise


def answer(similarity: float, prefill: float, likelihood: float = 0.0, cached: int = 0) -> Answer:
    ms = {"prefill": prefill, "policy": 0.0, "retrieve": 0.0, "copy": 0.0, "decode": 10.0}
    scores = (similarity == 1.0, similarity, similarity, similarity == 1.0, similarity)
    return Answer("", *scores, 100, cached, 5, ms, bits=-10 * likelihood, likelihood=likelihood)


def case(path: str, without: float, retrieved: float, probability: float, threshold: float = 0.5) -> Case:
    sides = answer(without, 20.0), answer(retrieved, 15.0, cached=100)
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


def test_what_shares_no_prompt_pays_for_its_own_alone() -> None:
    apart = [
        replace(one, retrieved=replace(one.retrieved, cached=cached))
        for one, cached in zip(FOUR, (0, 50, 0, 50), strict=True)
    ]
    assert summarise(apart, seed=0).score("always").ms["total"] == (25.0 + 35.0) / 2


def test_a_pair_takes_what_it_took() -> None:
    taken = (8.0, 12.0, 40.0, 100.0)
    cases = [
        replace(one, pair=PairAnswer(answer(0.5, 0.0), is_first_kept=ms < 10, has_read=ms > 30, ms=ms))
        for one, ms in zip(FOUR, taken, strict=True)
    ]
    score = summarise(cases, seed=0).score("pair")
    assert (score.ms["total"], score.p50, score.retrieval_rate) == (40.0, 26.0, 50.0)


def test_harm_is_avoided_where_a_pair_is_no_worse_than_without_reading() -> None:
    harmed = [one for one in FOUR if one.harmed]
    for similarity, avoided in ((1.0, 100.0), (harmed[0].without.similarity, 100.0), (0.0, 0.0)):
        pair = PairAnswer(answer(similarity, 0.0), is_first_kept=False, has_read=True, ms=9.0)
        shares = summarise([replace(one, pair=pair) for one in FOUR], seed=0).pair
        assert shares is not None
        assert shares.harm_avoided == avoided


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
