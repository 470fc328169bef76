"""Learning for two packs that answer together: what is learned is what they say, and what is set is learned for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocomp.budget import UNLIMITED, Budget
from repocomp.cli import app
from repocomp.complete.parts import Parts
from repocomp.errors import ExitCode
from repocomp.evaluate import counterfactual
from repocomp.evaluate.holes import Hole
from repocomp.generate.generator import Expectation
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.index.build import build
from repocomp.learn import replay as replaying
from repocomp.learn.places import holes_of
from repocomp.learn.replay import measure, state_of
from repocomp.learn.table import table_of
from repocomp.model.library import write_pack
from repocomp.policy.selector import actions_of
from repocomp.prompt.window import Window
from repocomp.store.index.reader import IndexReader
from tests.conftest import Repository
from tests.train.repositories import modules

POLICY = load("default")
READER = replace(POLICY, pack=replace(POLICY.pack, name="reader", budgets=replace(POLICY.pack.budgets, cross_file=256)))


@pytest.fixture
def root(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(modules("alpha", 2))
    build(root)
    monkeypatch.chdir(root)
    return root


def test_a_replay_is_answered_as_users_are(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Parts] = []

    def answer(hole: Hole, parts: Parts, max_new_tokens: int) -> counterfactual.Attempt:
        asked.append(parts)
        return counterfactual.answer(hole, parts, max_new_tokens)

    monkeypatch.setattr(replaying, "answer", answer)
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        hole = next(holes_of(reader, root, 0))
        assert measure(hole, reader, READER, POLICY) is not None
        assert measure(hole, reader, POLICY, POLICY) is not None
    pair, alone = asked
    assert (pair.policy, pair.generator, pair.pair and pair.pair.drafter) == (POLICY, READER, POLICY)
    assert alone.pair is None


def test_the_policy_judges_for_a_generator_that_cannot(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = LocalGenerator.expectation

    def expectation(generator: LocalGenerator, window: Window, budget: Budget = UNLIMITED) -> Expectation | None:
        return None if generator is READER else judge(generator, window, budget)

    monkeypatch.setattr(LocalGenerator, "expectation", expectation)
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        replay = measure(next(holes_of(reader, root, 0)), reader, READER, POLICY)
    assert replay is not None
    assert 0 < float(replay.known["probability"]) < 1
    assert replay.ms["token"] > 0
    assert table_of([replay], actions_of(READER.pack)).probability.tolist() == [replay.known["probability"]]


def test_a_pack_that_cannot_judge_is_no_policy(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = POLICY.pack
    files = {name: (pack.folder / name).read_bytes() for name in pack.digests}
    write_pack(replace(pack, folder=tmp_path / "mute", roles=("generator",)), files)
    assert app.run(["learn", "--minutes", "0", "--policy", str(tmp_path / "mute")]) == ExitCode.ERROR
    assert capsys.readouterr().err.splitlines()[-1] == "hint: repocomp learn --policy default"


def test_replays_of_one_pair_are_not_those_of_another() -> None:
    pack = POLICY.pack
    assert state_of(pack, pack) == state_of(pack, replace(pack))
    another = replace(pack)
    another.__dict__["digest"] = "another"
    assert state_of(pack, another) != state_of(pack, pack)


@pytest.mark.parametrize(
    ("settings", "options", "packs"),
    [
        ({}, (), ("default", "default")),
        ({"GENERATOR": "large"}, (), ("large", "default")),
        ({"GENERATOR": "large", "POLICY": "small"}, (), ("large", "small")),
        ({"GENERATOR": "llamacpp:http://127.0.0.1:1"}, (), ("default", "default")),
        ({"GENERATOR": "large"}, ("--pack", "mine", "--policy", "small"), ("mine", "small")),
    ],
)
def test_the_packs_that_complete_are_those_that_learn(
    settings: dict[str, str],
    options: tuple[str, ...],
    packs: tuple[str, str],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from repocomp.learn import learner

    asked: list[Any] = []

    def show(root: Path, *packs: str) -> dict[str, Any]:
        asked.append(packs)
        return {}

    monkeypatch.setattr(learner, "show", show)
    for name, value in settings.items():
        monkeypatch.setenv(f"REPOCOMP_{name}", value)
    assert app.run(["learn", "--show", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["command"] == "learn"
    assert asked == [packs]
