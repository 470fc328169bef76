"""A summary of cases: scores and cost by policy, how well the policy decides, and confidence intervals.

Scores are percentages. Intervals are percentile bootstraps over files, since holes of one file are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from repocomp.evaluate.cases import STEPS, Case
from repocomp.evaluate.pair_shares import PairShares
from repocomp.evaluate.selectors import Selector, compare_selectors
from repocomp.evaluate.silence import Silence
from repocomp.stats.classification import Bin, Bools, Floats, expected_calibration_error, reliability, roc_auc
from repocomp.stats.resampling import Ints, bootstrap, interval

POLICIES = ("never", "always", "random", "greedy", "threshold", "oracle")
"""`random` retrieves as often as `threshold` does and is reported by its expectation; `oracle` knows the answers."""

PAIR = "pair"
"""Two packs that share the work (`complete.drafting`); what it retrieves is what it reads."""

SELECTING = ("greedy", "threshold")
"""Those that ask the policy first."""

_CURVE_POINTS = 21


@dataclass(frozen=True, slots=True)
class Score:
    """One policy's result in percent; `ms` by step and in all are means, `p50` and `p95` of the whole answer.

    `tests_passed` is of the holes that unit tests judged, None without any; `bits_per_byte` is of the true text.
    """

    policy: str
    exact_match: float
    edit_similarity: float
    interval: tuple[float, float]
    ratio_similarity: float
    identifier_match: float
    identifier_f1: float
    retrieval_rate: float
    tokens: float
    ms: dict[str, float]
    p50: float
    p95: float
    bits_per_byte: float
    tests_passed: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve: at this threshold, so much is retrieved, it scores so and takes so long."""

    threshold: float
    retrieval_rate: float
    edit_similarity: float
    ms: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline scores, in percent."""

    name: str
    exact_match: float
    edit_similarity: float
    interval: tuple[float, float]
    identifier_f1: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The comparison on one set of holes.

    `gain` is ES of always minus never, with its 95 % interval, `likelihood_gain` what the truth gains by retrieval in
    nats per token, the first token counting 5, those of identifiers 3, others 1.

    `harm_avoided` is the share of harmed cases that the threshold skipped. `abstention` splits what it skipped, in
    percent of all cases: right without retrieval, wrong but not to be helped, would have been helped;
    `abstention_precision` is the share of the first two in them. `silence` is of the answers by the threshold.
    """

    holes: int
    files: int
    scores: tuple[Score, ...]
    baselines: tuple[Baseline, ...]
    gain: float
    gain_interval: tuple[float, float]
    likelihood_gain: float
    likelihood_interval: tuple[float, float]
    helped: float
    harmed: float
    harm_avoided: float
    decision_accuracy: float
    roc_auc: float | None
    calibration_error: float
    calibration: tuple[Bin, ...]
    abstention: tuple[float, float, float]
    abstention_precision: float
    curve: tuple[Point, ...]
    selectors: tuple[Selector, ...]
    silence: Silence | None = None
    pair: PairShares | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return asdict(self)

    def score(self, policy: str) -> Score:
        """The score of one of `POLICIES`."""
        return next(score for score in self.scores if score.policy == policy)


def summarise(cases: Sequence[Case], seed: int) -> Summary:
    """Summarise at least one case."""
    without, retrieved = similarities(cases)
    p = np.array([case.probability for case in cases])
    helped, harmed = retrieved > without, retrieved < without
    resample = bootstrap([case.path for case in cases], seed)
    likelier = np.array([case.retrieved.likelihood - case.without.likelihood for case in cases])
    shares = retrieval_shares(cases)
    skipped = shares["threshold"] == 0
    right = np.array([case.without.exact for case in cases])
    return Summary(
        holes=len(cases),
        files=len({case.path for case in cases}),
        scores=(*(_score(name, cases, shares[name], resample) for name in POLICIES), *_pair_score(cases, resample)),
        baselines=tuple(_baseline(name, cases, resample) for name in cases[0].baselines),
        gain=_percent(retrieved - without),
        gain_interval=_percents(interval(retrieved - without, resample)),
        likelihood_gain=round(float(likelier.mean()), 4),
        likelihood_interval=_rounded(interval(likelier, resample)),
        helped=_percent(helped),
        harmed=_percent(harmed),
        harm_avoided=_percent(skipped[harmed]) if harmed.any() else 0.0,
        decision_accuracy=_percent(helped != skipped),
        roc_auc=roc_auc(p, helped),
        calibration_error=round(expected_calibration_error(p, helped), 4),
        calibration=_calibration(p, helped),
        abstention=(
            _percent(skipped & ~helped & right),
            _percent(skipped & ~helped & ~right),
            _percent(skipped & helped),
        ),
        abstention_precision=_percent(~helped[skipped]) if skipped.any() else 0.0,
        curve=_curve(cases, p, without, retrieved),
        selectors=compare_selectors(cases, p, resample),
        silence=Silence.of([case.judged for case in cases], cases[0].min_confidence),
        pair=PairShares.of(cases, harmed),
    )


def similarities(cases: Sequence[Case]) -> tuple[Floats, Floats]:
    """Edit similarity [n] without and with retrieval."""
    return (
        np.array([case.without.similarity for case in cases], dtype=np.float64),
        np.array([case.retrieved.similarity for case in cases], dtype=np.float64),
    )


def retrieval_shares(cases: Sequence[Case]) -> dict[str, Floats]:
    """How likely each policy retrieves in each case, [n] of 0..1."""
    chosen = np.array([float(case.probability > case.threshold) for case in cases])
    return {
        "never": np.zeros(len(cases)),
        "always": np.ones(len(cases)),
        "random": np.full(len(cases), chosen.mean()),
        "greedy": np.array([float(case.probability > 0.5) for case in cases]),
        "threshold": chosen,
        "oracle": np.array([float(case.helped) for case in cases]),
    }


def _score(name: str, cases: Sequence[Case], share: Floats, resample: Sequence[Ints]) -> Score:
    def mixed(value: Callable[[Case, bool], float]) -> Floats:
        sides = [np.array([value(case, side) for case in cases], np.float64) for side in (False, True)]
        result: Floats = (1 - share) * sides[0] + share * sides[1]
        return result

    def answers(field: str) -> Floats:
        return mixed(lambda case, side: getattr(case.retrieved if side else case.without, field))

    steps = {step: mixed(lambda case, side, step=step: case.cost(side)[step]) for step in STEPS}  # type: ignore[misc]
    if name in SELECTING:
        steps["policy"] = steps["policy"] + np.array([case.policy_ms for case in cases])
    total = np.sum(list(steps.values()), axis=0)
    tested = np.array([case.without.passed is not None for case in cases])
    return Score(
        policy=name,
        exact_match=_percent(answers("exact")),
        edit_similarity=_percent(answers("similarity")),
        interval=_percents(interval(answers("similarity"), resample)),
        ratio_similarity=_percent(answers("ratio")),
        identifier_match=_percent(answers("names_exact")),
        identifier_f1=_percent(answers("names")),
        retrieval_rate=_percent(share),
        tokens=round(float(answers("prompt").mean()), 1),
        ms={**{step: _round(values.mean()) for step, values in steps.items()}, "total": _round(total.mean())},
        p50=_round(np.percentile(total, 50)),
        p95=_round(np.percentile(total, 95)),
        bits_per_byte=round(float(answers("bits").sum() / max(1, sum(case.measured_bytes for case in cases))), 4),
        tests_passed=_percent(answers("passed")[tested]) if tested.any() else None,
    )


def _pair_score(cases: Sequence[Case], resample: Sequence[Ints]) -> list[Score]:
    """The score of two packs that share the work, where they do."""
    pairs = [case.pair for case in cases if case.pair is not None]
    if len(pairs) < len(cases):
        return []

    def answers(field: str) -> Floats:
        return np.array([float(getattr(pair.answer, field)) for pair in pairs])

    total = np.array([pair.ms for pair in pairs])
    always = _score("always", cases, np.ones(len(cases)), resample)
    return [
        replace(
            always,
            policy=PAIR,
            exact_match=_percent(answers("exact")),
            edit_similarity=_percent(answers("similarity")),
            interval=_percents(interval(answers("similarity"), resample)),
            ratio_similarity=_percent(answers("ratio")),
            identifier_match=_percent(answers("names_exact")),
            identifier_f1=_percent(answers("names")),
            retrieval_rate=_percent(np.array([float(pair.has_read) for pair in pairs])),
            ms={"total": _round(total.mean())},
            p50=_round(np.percentile(total, 50)),
            p95=_round(np.percentile(total, 95)),
            tests_passed=None,
        )
    ]


def _baseline(name: str, cases: Sequence[Case], resample: Sequence[Ints]) -> Baseline:
    answers = [case.baselines[name] for case in cases]
    similarity = np.array([answer.similarity for answer in answers])
    return Baseline(
        name,
        _percent(np.array([answer.exact for answer in answers])),
        _percent(similarity),
        _percents(interval(similarity, resample)),
        _percent(np.array([answer.names for answer in answers])),
    )


def _calibration(p: Floats, helped: Bools) -> tuple[Bin, ...]:
    bins = reliability(p, helped)
    return tuple(Bin(round(one.predicted, 4), round(one.observed, 4), one.cases) for one in bins)


def _curve(cases: Sequence[Case], p: Floats, without: Floats, retrieved: Floats) -> tuple[Point, ...]:
    """From always to never, at thresholds that skip an even share more each."""
    cost = [np.array([sum(case.cost(side).values()) for case in cases]) for side in (False, True)]
    limits = np.unique(np.concatenate([[-1.0], np.quantile(p, np.linspace(0, 1, _CURVE_POINTS))]))
    return tuple(
        Point(
            round(max(0.0, float(limit)), 4),
            _percent(p > limit),
            _percent(np.where(p > limit, retrieved, without)),
            _round(np.where(p > limit, cost[1], cost[0]).mean()),
        )
        for limit in limits
    )


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    return round(pair[0], 4), round(pair[1], 4)


def _percents(pair: tuple[float, float]) -> tuple[float, float]:
    return _percent(np.float64(pair[0])), _percent(np.float64(pair[1]))


def _round(value: float | np.floating[Any]) -> float:
    return round(float(value), 2)


def _percent(values: Floats | Bools | np.floating[Any]) -> float:
    return round(100 * float(np.mean(values)), 2)
