"""`repocomp learn` on a small repository: it goes on where it was stopped, and whatever it did can be taken back."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repocomp.cli import app
from repocomp.config import Settings
from repocomp.document import Document
from repocomp.errors import FeedbackError, StoreError
from repocomp.evaluate.holes import Hole
from repocomp.feedback.forget import forget_everything
from repocomp.feedback.ledger import repository_path
from repocomp.generate.local.generator import load
from repocomp.index.build import build
from repocomp.learn import replay as replaying
from repocomp.learn import versions
from repocomp.learn.challenge import propose
from repocomp.learn.learner import learn, reset
from repocomp.learn.places import hole_name
from repocomp.learn.replay import Replay, replay, replayer, state_of
from repocomp.policy.learned import load_learned
from repocomp.policy.select import COPIED, NONE, Known, Parameters, traits, vector
from repocomp.policy.selector import actions_of
from repocomp.progress import ignore
from repocomp.request import CompletionOptions, CompletionRequest
from repocomp.retrieve.retrieve import DEFAULT_ARMS
from repocomp.service.service import CompletionService, Prepared
from repocomp.store.connect import transaction
from repocomp.store.feedback.connect import open_feedback
from repocomp.store.feedback.learning import learned_rows, replay_rows
from repocomp.store.feedback.rows import Impression, add_event, add_impression, impression
from repocomp.store.memory.credits import read_memory
from repocomp.store.paths import learned_path, memory_path
from tests.cli.documents import check
from tests.conftest import Repository, write_files
from tests.feedback.answers import CURSOR as ANSWERS
from tests.feedback.answers import show
from tests.learn.tables import THRESHOLDS, USUAL, table
from tests.train.repositories import modules

LOADED = load("default")


@pytest.fixture
def root(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(modules("alpha", 4))
    build(root)
    monkeypatch.chdir(root)
    monkeypatch.setattr(replaying, "give_way", lambda: None)
    monkeypatch.setattr(replaying, "measure", pretended)
    return root


REAL = replaying.measure


def pretended(hole: Hole, *_: object) -> Replay:
    """A replay of which nothing was measured."""
    names = [action.name for action in actions_of(LOADED.pack)]
    place = "import" if hole.start % 2 else "call"
    known: dict[str, Any] = {"place": place, "language": "python", "mode": "line", "probability": 0.5}
    rng = np.random.default_rng(hole.start)
    gain: dict[str, float] = {name: float(rng.normal(0.3, 0.2)) * (name != "none") for name in names}
    tokens = dict.fromkeys(names, 0)
    ms = dict.fromkeys((*DEFAULT_ARMS, "rank", "token"), 1.0)
    return Replay(
        hole_name(hole),
        hole.document.path,
        hole.kind,
        "line",
        known,
        gain,
        tokens,
        ms,
        {"bm25": 0.5, "structured": 0.5},
    )


def rows(root: Path) -> list[Any]:
    with closing(open_feedback(repository_path(root))) as connection:
        return replay_rows(connection, state_of(LOADED.pack, LOADED.pack))


def learned(loss: float = -0.5, taken: str = NONE.name) -> Parameters:
    """Parameters under which one action is taken everywhere: nothing is ever retrieved."""
    some = propose(table(60, lambda name, _: 0.3), (), USUAL, None, THRESHOLDS, LOADED.pack.digest, is_gated=False)
    assert some.parameters is not None
    every = actions_of(LOADED.pack)
    weights = np.zeros((len(every), len(some.parameters.columns)))
    weights[1:, 0] = loss
    weights[[action.name for action in every].index(taken), 0] = -loss
    return replace(
        some.parameters, actions=every, weights=weights, residual_deviation=np.zeros(len(every)), thresholds={}
    )


def promote(root: Path, taken: str = NONE.name) -> Path:
    path = repository_path(root)
    with closing(open_feedback(path)) as connection:
        versions.promote(connection, learned_path(path.parent.name), learned(taken=taken), {"replays": 60})
    return learned_path(path.parent.name)


def test_replays_outlive_a_stop_and_are_not_done_twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(hole: Any, *rest: Any) -> Replay | None:
        if len(measured) == 3:
            measured.append("stopped")
            raise KeyboardInterrupt
        measured.append(hole_name(hole))
        return pretended(hole, *rest)

    monkeypatch.setattr(replaying, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        learn(root, 600, ignore, limit=6)
    kept = rows(root)
    assert 0 < len(kept) <= 3
    learn(root, 600, ignore, limit=6)
    again = rows(root)
    assert again[: len(kept)] == kept
    assert len(again) == 6 == len({row.hole for row in again})
    assert len([name for name in measured if name != "stopped"]) == len(set(measured)) - 1


def test_replays_credit_the_chunks_they_would_show(root: Path) -> None:
    def credited() -> int:
        memory = read_memory(memory_path(repository_path(root).parent.name))
        if memory is None:
            return 0
        with closing(memory):
            total, credit, exposure = memory.execute(
                "SELECT count(*), sum(credit), sum(exposure) FROM credit"
            ).fetchone()
            assert 0 < credit < exposure
            return int(total)

    learn(root, 600, ignore, limit=6)
    first = credited()
    assert first > 0
    learn(root, 600, ignore, limit=6)
    assert credited() == first
    reset(root)
    assert credited() == 0
    learn(root, 600, ignore, limit=8)
    forget_everything(root)
    assert credited() == 0


def test_a_replay_scores_every_action_and_holds_no_source(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "measure", REAL)
    learn(root, 600, ignore, limit=1)
    (row,) = rows(root)
    one = Replay.from_row(row)
    assert one.gain.keys() == one.tokens.keys() == {action.name for action in actions_of(LOADED.pack)}
    assert (one.gain["none"], one.tokens["none"]) == (0.0, 0)
    assert one.ms.keys() == {*DEFAULT_ARMS, "rank", "token"}
    assert sum(one.shares.values()) == pytest.approx(1.0, abs=1e-3)
    assert not any(line in row.detail for line in ("def ", "return", "self"))


def test_no_time_no_replay_and_no_index_is_said(root: Path, tmp_path: Path) -> None:
    assert learn(root, 0, ignore).replays == 0
    with closing(open_feedback(tmp_path / "x" / "feedback.db")) as connection:
        with pytest.raises(StoreError, match="has no index"):
            with replayer("default") as workers:
                replay(tmp_path / "x", LOADED.pack, LOADED.pack, workers, connection, connection, 1.0, ignore)


def complete(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    app.run(["complete", "--json", "--threshold", "0", "--no-record", "--daemon", "never", CURSOR])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    del found["data"]["timings_ms"]
    for draft in found["data"]["drafts"]:
        del draft["ms"]
    return found


CURSOR = next(iter(sorted(modules("alpha", 4)))) + ":2:1"


def test_reset_and_rollback_restore_the_shipped_answer_to_the_byte(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = complete(capsys)
    assert shipped["data"]["retrieval"]["choice"] is None
    for way in ("--reset", "--rollback"):
        promote(root)
        changed = complete(capsys)
        assert changed["data"]["retrieval"]["decision"] == "skipped"
        assert changed["data"]["retrieval"]["choice"]["action"] == "none"
        assert changed == complete(capsys)
        assert app.run(["learn", way]) == 0
        capsys.readouterr()
        assert complete(capsys) == shipped


def test_damage_and_another_version_cost_a_warning_and_nothing_else(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = complete(capsys)
    path = promote(root)
    path.write_text(path.read_text()[:-9])
    damaged = complete(capsys)
    assert "damaged" in damaged["data"]["warnings"][0]
    damaged["data"]["warnings"] = shipped["data"]["warnings"]
    assert damaged == shipped


def test_versions_go_back_one_by_one_and_the_file_follows(root: Path) -> None:
    path = repository_path(root)
    file = learned_path(path.parent.name)
    with closing(open_feedback(path)) as connection:
        first = versions.promote(connection, file, learned(), {})
        second = versions.promote(connection, file, learned(-0.4), {})
        file.unlink()
        versions.settle(connection, file)
        assert load_learned(file, LOADED.pack.digest, actions_of(LOADED.pack)).parameters.number == second  # type: ignore[union-attr]
        assert versions.roll_back(connection, file) == first
        assert versions.in_use(connection).weights[2, 0] == -0.5  # type: ignore[union-attr]
        assert versions.roll_back(connection, file) is None
        assert not file.exists()
        with pytest.raises(FeedbackError, match="nothing that was learned"):
            versions.roll_back(connection, file)
        assert [row.reason for row in learned_rows(connection)][:2] == ["learned", "learned"]


def test_frozen_learns_and_explores_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = promote(root)
    assert app.run(["learn", "--freeze"]) == 0
    assert load_learned(file, LOADED.pack.digest, actions_of(LOADED.pack)).parameters.is_frozen  # type: ignore[union-attr]
    assert app.run(["learn", "--minutes", "0"]) == 2
    assert "learn --unfreeze" in capsys.readouterr().err
    assert app.run(["learn", "--unfreeze"]) == 0
    assert not load_learned(file, LOADED.pack.digest, actions_of(LOADED.pack)).parameters.is_frozen  # type: ignore[union-attr]


def test_it_explains_itself(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["learn", "--minutes", "5", "--limit", "3", "--json"]) == 0
    ran = json.loads(capsys.readouterr().out)["data"]
    assert (ran["replays"], ran["version"]) == (3, None)
    assert app.run(["learn", "--show", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["replays"] == 3
    assert data["version"] is None
    assert set(data["gate"]["verdicts"]) == {"replays", "feedback", "confidence"}
    assert data["off_policy"] == {"n": 0, "ess": 0.0, "is_enough": False, "estimates": {}}
    promote(root)
    assert app.run(["learn", "--show"]) == 0
    said = capsys.readouterr().out
    assert "version 1" in said
    assert "none 100 %" in said
    assert "too few for a verdict" in said


def test_what_was_learned_is_forgotten_with_everything(root: Path) -> None:
    file = promote(root)
    learn(root, 600, ignore, limit=1)
    assert app.run(["feedback", "forget", "--all"]) == 0
    assert not file.exists()
    assert rows(root) == []


def test_feedback_for_one_arm_in_one_place_reaches_the_requests(root: Path) -> None:
    """Completions taken or turned down by what stood in the prompt: through database and file to the choice."""
    learn(root, 600, ignore, limit=60)
    name = show(root, f"value = {ANSWERS}\n", "f(1)")
    with closing(open_feedback(repository_path(root))) as connection, transaction(connection):
        shown = impression(connection, name)
        assert shown is not None
        connection.execute("DELETE FROM impression")
        hear(connection, shown)
    found = learn(root, 0, ignore)
    assert found.proposal is not None
    assert found.proposal.verdicts["feedback"].is_above
    assert found.version == 1
    parameters = load_learned(
        learned_path(repository_path(root).parent.name), LOADED.pack.digest, actions_of(LOADED.pack)
    ).parameters
    assert parameters is not None
    chosen = {
        place: parameters.actions[parameters.best(vector(parameters.columns, traits({**KNOWN, "place": place})))]
        for place in ("import", "call")
    }
    assert chosen["call"] == COPIED
    assert "structured" in (chosen["import"].arms or ())
    assert "bm25" not in (chosen["import"].arms or ())


def hear(connection: sqlite3.Connection, shown: Impression) -> None:
    """Like `shown`, at imports and calls in turn; at imports those are taken whose prompt was of `structured`."""
    rng = np.random.default_rng(3)
    for number in range(400):
        place, share = ("import", "call")[number % 2], float(rng.beta(0.6, 0.6))
        detail = shown.details()
        detail["features"] = {**KNOWN, "place": place}
        by_arm = {"structured": share, "bm25": 1 - share}
        detail["retrieval"]["chunks"] = [{"arm": arm, "tokens": round(300 * part)} for arm, part in by_arm.items()]
        add_impression(connection, replace(shown, id=f"c_{number}", detail=json.dumps(detail)))
        is_taken = rng.random() < (0.1 + 0.8 * share if place == "import" else 0.5)
        add_event(connection, f"c_{number}", "accepted" if is_taken else "rejected", number, None, "", None)


KNOWN: Known = {"language": "python", "mode": "line", "probability": 0.5}


def test_what_is_only_copied_from_leaves_the_prompt_as_it_is(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    promote(root)
    skipped = complete(capsys)["data"]
    promote(root, "all:5")
    copied = complete(capsys)["data"]
    retrieval = copied["retrieval"]
    assert (retrieval["decision"], retrieval["choice"]["action"]) == ("used", "all:5")
    assert retrieval["budget_tokens"] == 0
    assert retrieval["chunks"]
    assert {chunk["tokens"] for chunk in retrieval["chunks"]} == {0}
    assert any(draw["kept"] for draw in retrieval["draws"])
    assert copied["tokens"]["prompt"] == skipped["tokens"]["prompt"]


def test_a_daemon_takes_what_was_learned_with_the_next_request(root: Path) -> None:
    service = CompletionService(1 << 30)
    path = CURSOR.partition(":")[0]
    document = Document(path, (root / path).read_bytes())
    request = CompletionRequest(document, document.at(2, 1), root, CompletionOptions(threshold=0.0, max_new_tokens=2))

    def decision() -> str:
        return service.answer(Prepared(request, Settings(), root)).retrieval.decision

    assert decision() == "used"
    file = promote(root)
    assert decision() == "skipped"
    file.unlink()
    assert decision() == "used"


def test_several_repositories_learn_each_from_itself(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    write_files(other, modules("beta", 3))
    build(other)
    assert app.run(["learn", "--limit", "3", "--json", str(root), str(other)]) == 0
    found = check(json.loads(capsys.readouterr().out))["data"]["repositories"]
    assert [(Path(one["root"]).name, one["replays"]) for one in found] == [("work", 3), ("other", 3)]
    assert [len(rows(root)), len(rows(other))] == [3, 3]
    assert {row.path for row in rows(root)}.isdisjoint(row.path for row in rows(other))
    assert app.run(["learn", "--show", str(root), str(other)]) == 2
