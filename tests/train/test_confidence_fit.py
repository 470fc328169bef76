"""Verdicts become a confidence that can be believed; a run that was stopped goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repocomp.errors import TrainError
from repocomp.evaluate.silence import Judged, Silence
from repocomp.train.confidence.fit import fit
from repocomp.train.confidence.label import Verdict, judge, read
from repocomp.train.repository import Repository

CODE = "def helper(alpha, beta):\n    total = alpha + beta\n    return total\n\n\n" * 6


def verdicts(count: int, seed: int) -> list[Verdict]:
    """Answers whose likelihood says how good they are, and a figure that says nothing."""
    rng = np.random.default_rng(seed)
    mean, noise = rng.normal(size=count), rng.normal(size=count)
    kept = rng.random(count) < 1 / (1 + np.exp(-2 * mean))
    return [
        Verdict(f"r{at % 8}", "a.py", at, "word", "python", figures, 0.9 if good else 0.1, bool(good))
        for at, (figures, good) in enumerate(
            zip(({"mean": float(a), "noise": float(b)} for a, b in zip(mean, noise, strict=True)), kept, strict=True)
        )
    ]


def test_a_fit_is_calibrated_and_speaks_where_little_is_wrong() -> None:
    found = fit(verdicts(1200, 0))
    assert found.weights["mean"] > 5 * abs(found.weights["noise"])
    judged = [Judged(found.of(one.figures), one.similarity, one.is_kept, True) for one in verdicts(2000, 1)]
    silence = Silence.of(judged, found.threshold)
    assert silence is not None
    assert silence.calibration_error < 0.05
    assert silence.shipped.wrong < 20 < silence.everything.wrong
    assert 30 < silence.shipped.coverage < 80
    assert fit(verdicts(1200, 0)) == found


def test_some_figures_can_be_left_out() -> None:
    assert set(fit(verdicts(400, 0), ["mean"]).weights) == {"mean"}


def test_too_few_are_refused() -> None:
    with pytest.raises(TrainError, match="too few"):
        fit(verdicts(50, 0))


def test_repositories_are_judged_once(tmp_path: Path) -> None:
    out = tmp_path / "verdicts.jsonl"
    one, two = (Repository(name, [(f"{name}.py", CODE.encode())]) for name in ("one", "two"))
    first = judge([one], "default", out, holes_each=3, seed=0)
    out.write_text(out.read_text() + '["two 0 3 0", [{"repository": "cut sho')
    both = judge([one, two], "default", out, holes_each=3, seed=0)
    assert both[: len(first)] == first == [row for row in read(out) if row.repository == "one"]
    assert {row.repository for row in both} == {"one", "two"}
    assert all(row.figures for row in both if row.is_kept)
