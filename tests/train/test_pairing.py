"""Fitting a pair: what trials keep, and thresholds that are worth their time."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from repocomp.errors import TrainError
from repocomp.executor.journal import Journal
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import Author
from repocomp.train.pairing.fit import TIME_SHARE, fit
from repocomp.train.pairing.trials import Trial, Tried, try_out
from repocomp.train.repository import Repository
from tests.train.repositories import modules

FIRST = Confidence({"sure": 1.0}, 0.0, (-4.0, 4.0), (0.02, 0.98), 0.4)
"""What judges first drafts in these tests."""


def trials(count: int, seed: int = 0) -> list[Trial]:
    """First drafts that are right when sure; a generator that is better, and best having read where a name is asked."""
    rng = np.random.default_rng(seed)
    return [_trial(f"home-{at % 6}", *rng.random(4).tolist()) for at in range(count)]


def _trial(home: str, sure: float, asked: float, luck: float, noise: float) -> Trial:
    needs = asked > 0.7
    first = 0.95 if luck < sure else 0.2
    unread = 0.3 if needs else 0.7
    read = 0.9 if needs else 0.6
    return Trial(
        repository=home,
        kind="word",
        reading={"asked": asked, "noise": noise},
        first=_tried({"sure": 8 * sure - 4}, first, 50.0),
        unread=_tried({"mean": unread + noise / 10}, unread, 700.0),
        read=_tried({"mean": read + noise / 10}, read, 900.0),
        always=_tried({"mean": read}, read, 1400.0),
        alike=_alike(first, unread, read),
    )


def _alike(first: float, unread: float, read: float) -> dict[Author, dict[Author, float]]:
    """Drafts that are as right are taken to be the same."""
    worth: dict[Author, float] = {"first": first, "unread": unread, "read": read}
    return {
        author: {other: 1 - abs(worth[author] - worth[other]) for other in worth if other != author} for author in worth
    }


def _tried(figures: dict[str, float], similarity: float, ms: float) -> Tried:
    return Tried(figures, similarity, similarity > 0.9, similarity > 0.5, ms)


def test_the_pair_is_better_than_either_way_within_the_time_allowed() -> None:
    found = fit(trials(600), FIRST)
    ways = {name: found.fitted[name] for name in ("first", "unread", "read", "always", "pair")}
    assert ways["pair"]["similarity"] > max(ways[name]["similarity"] for name in ("first", "unread"))
    assert ways["pair"]["ms"] <= TIME_SHARE * ways["always"]["ms"]
    assert 0 < found.fitted["first_kept"] < 1
    assert 0 < found.fitted["read_share"] < 0.6


def test_reading_is_expected_where_it_was_seen_to_help() -> None:
    found = fit(trials(600), FIRST)
    assert found.reading.of({"asked": 0.95}) > 0.7 > 0.3 > found.reading.of({"asked": 0.2})
    told = found.fitted["reading_helps"]
    assert told["roc_auc"] > 0.9
    assert told["abstention_precision"] > 0.9
    assert told["harm_avoided"] > 0.9


@pytest.mark.parametrize("some", [trials(20), [_trial("alone", 0.5, 0.5, 0.5, 0.5)] * 200])
def test_too_little_is_refused(some: list[Trial]) -> None:
    with pytest.raises(TrainError):
        fit(some, FIRST)


def test_a_trial_is_read_as_it_was_written() -> None:
    some = trials(1)[0]
    assert Trial.from_json(asdict(some)) == some
    for lacking in asdict(some):
        with pytest.raises(TrainError, match="another version"):
            Trial.from_json({name: value for name, value in asdict(some).items() if name != lacking})


def test_what_was_tried_is_not_tried_again(tmp_path: Path) -> None:
    """The pack stands on both sides here: what it drafts is what it writes."""
    repositories = [Repository("acme/one", [(path, text.encode()) for path, text in modules("one", 3).items()])]
    path = tmp_path / "trials.jsonl"
    over = iter([False, True])
    first = try_out(repositories, "default", "default", Journal(path), holes_each=7, seed=0, is_over=lambda: next(over))
    assert len(first) == 5
    rest = try_out(repositories, "default", "default", Journal(path), holes_each=7, seed=0)
    assert rest[:5] == first
    assert len(rest) == 7
    assert all(trial.read is None for trial in rest)
    assert all(trial.first.similarity == trial.unread.similarity for trial in rest if not trial.reading["has_hits"])
