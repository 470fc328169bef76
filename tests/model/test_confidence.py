"""A confidence rises with its score, survives its file, and is refused where it is damaged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.errors import PackError
from repocomp.model.confidence import Confidence

FIT = Confidence({"mean": 2.0, "copied": 0.5}, 1.0, (-2.0, 0.0, 3.0), (0.1, 0.5, 0.9), 0.4, {"verdicts": 3})
FINITE = st.floats(-50, 50)


@given(FINITE, FINITE)
def test_it_rises(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0.1 <= FIT.calibrated(low) <= FIT.calibrated(high) <= 0.9


def test_between_corners_it_is_straight_and_figures_that_lack_count_nothing() -> None:
    assert FIT.calibrated(-1.0) == pytest.approx(0.3)
    assert FIT.score({"mean": -0.5}) == 0.0
    assert FIT.of({"mean": -0.5, "other": 9.0}) == pytest.approx(0.5)


@given(st.floats(0.1, 5), st.floats(-3, 3), FINITE)
def test_bending_it_keeps_the_order(slope: float, offset: float, score: float) -> None:
    bent = FIT.recalibrated(slope, offset)
    assert bent.calibrated(score) <= bent.calibrated(score + 1)
    assert FIT.recalibrated(1.0, 0.0).calibrated(score) == pytest.approx(FIT.calibrated(score))


def test_it_survives_its_file() -> None:
    assert Confidence.from_json(FIT.to_json()) == FIT


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"scores": [0.0]},
        {"scores": [0.0, -2.0, 3.0]},
        {"chances": [0.1, 0.5, 1.9]},
        {"offset": float("nan")},
        {"weights": []},
        {"threshold": "high"},
    ],
)
def test_a_damaged_one_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(PackError):
        Confidence.from_json(json.dumps({**json.loads(FIT.to_json()), **damage}))
    with pytest.raises(PackError):
        Confidence.from_json("{")


def test_another_one_makes_no_other_generator() -> None:
    from repocomp.model.confidence import CONFIDENCE
    from repocomp.model.library import load_pack

    pack = load_pack("default")
    assert replace(pack, digests={**pack.digests, CONFIDENCE: "b2:00"}).digest == pack.digest
