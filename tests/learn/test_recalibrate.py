"""Confidence is bent by what a repository shows, and only where that predicts better beyond chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repocomp.learn.confidence import recalibrate
from repocomp.learn.replay import Replay
from repocomp.learn.rewards import Event
from repocomp.model.library import load_pack
from repocomp.policy.recalibration import Recalibration, load_recalibration, write_recalibration

PACK = load_pack("default")


def replays(count: int, shift: float, seed: int = 0) -> list[Replay]:
    """Answers that are kept with the shipped confidence, plus `shift`."""
    rng = np.random.default_rng(seed)
    shipped = rng.uniform(0.2, 0.9, count)
    kept = rng.random(count) < np.clip(shipped + shift, 0, 1)
    return [
        Replay(str(at), "a.py", "line", "line", {}, {}, {}, {}, {}, float(sure), bool(was))
        for at, (sure, was) in enumerate(zip(shipped, kept, strict=True))
    ]


def test_what_is_right_already_stays() -> None:
    assert recalibrate(replays(600, 0.0), (), PACK).found is None
    assert recalibrate([], (), PACK).found is None


def test_a_repository_in_which_little_is_kept_lowers_it() -> None:
    found = recalibrate(replays(600, -0.4), (), PACK).found
    assert found is not None
    assert (found.pack, found.answers) == (PACK.digest, 600)
    assert found.offset < 0


def test_feedback_counts_by_its_score() -> None:
    fit = PACK.confidence
    assert fit is not None
    scores = np.linspace(fit.scores[0], fit.scores[-1], 400)
    heard = [Event(str(at), {}, {}, 0.0, None, None, score=float(score)) for at, score in enumerate(scores)]
    shuffled = [heard[at] for at in np.random.default_rng(0).permutation(400)]
    some = [Event(e.id, {}, {}, float(at % 12 == 0), None, None, score=e.score) for at, e in enumerate(shuffled)]
    found = recalibrate([], some, PACK)
    assert found.verdict.n == 360
    assert found.verdict.mean > 0


def test_it_is_kept_in_a_file_that_fits_or_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "r" / "confidence.json"
    kept = Recalibration("b2:1", 0.8, -0.5, 100)
    write_recalibration(path, kept)
    assert load_recalibration(path, "b2:1") == kept
    assert load_recalibration(path, "b2:2") is None
    for text in ("{", "[]", '{"pack": "b2:1", "slope": -1, "offset": 0, "answers": 1}', '{"pack": "b2:1"}'):
        path.write_text(text)
        assert load_recalibration(path, "b2:1") is None
    write_recalibration(path, None)
    assert not path.exists()
    assert load_recalibration(path, "b2:1") is None


@pytest.mark.parametrize("path", [None])
def test_without_a_path_there_is_none(path: Path | None) -> None:
    assert load_recalibration(path, "b2:1") is None
