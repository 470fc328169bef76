"""`repocomp feedback` and `repocomp explain` as users meet them: every verb, every error, forgetting to the byte."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from repocomp.errors import ExitCode
from repocomp.feedback import ledger
from repocomp.store.feedback.connect import open_feedback
from repocomp.store.paths import feedback_paths
from tests.conftest import Repository
from tests.feedback.answers import show, skipped
from tests.feedback.test_record import SECRET, SOURCE, commit, files_hold

Say = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def root(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = repository({"app.py": "def f(a):\n    return\n"})
    commit(path)
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def say(capsysbinary: pytest.CaptureFixture[bytes]) -> Say:
    """Run a verb with --json; returns the exit code and the document."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = app.run([*arguments, "--json"])
        document: dict[str, Any] = json.loads(capsysbinary.readouterr().out)
        assert document["exit_code"] == code
        return code, document

    return run


def said() -> list[tuple[str, str]]:
    with closing(sqlite3.connect(feedback_paths()[0])) as connection:
        return connection.execute("SELECT impression_id, kind FROM event ORDER BY id").fetchall()


def exported(capsysbinary: pytest.CaptureFixture[bytes]) -> list[dict[str, Any]]:
    assert app.run(["feedback", "export"]) == ExitCode.OK
    return [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]


def test_each_verb_is_one_event(root: Path, say: Say) -> None:
    words = {
        "accept": ("accepted", []),
        "partial": ("partially_accepted", ["--text", "a"]),
        "reject": ("rejected", []),
        "shown": ("shown", []),
        "edit": ("edited", ["--text", "a - 1"]),
    }
    for at, (word, (kind, text)) in enumerate(words.items()):
        name = show(root, SOURCE, f"a + {at}")
        assert say("feedback", word, name, *text)[1]["data"] == {"id": name, "event": kind, "outcome": "recorded"}
        assert said()[at] == (name, kind)


def test_saying_it_twice_is_once_and_a_later_verdict_replaces(
    root: Path, say: Say, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = show(root, SOURCE, "a + 1")
    outcomes = [
        say("feedback", *word, name)[1]["data"]["outcome"]
        for word in (("accept",), ("accept",), ("reject",), ("accept",), ("partial", "--text", "a"), ("shown",))
    ]
    assert outcomes == ["recorded", "already", "recorded", "recorded", "recorded", "recorded"]
    (row,) = exported(capsysbinary)
    assert row["verdict"] == "partially_accepted"
    assert [event["kind"] for event in row["events"]] == [kind for _, kind in said()]


def test_last_is_the_newest_completion(root: Path, say: Say) -> None:
    show(root, SOURCE, "first")
    newest = show(root, SOURCE, "second")
    assert say("feedback", "accept", "last")[1]["data"]["id"] == newest
    assert say("explain", "last")[1]["data"]["id"] == newest


def test_a_completion_of_another_repository_is_found(
    root: Path, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = show(root, SOURCE, "a")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert say("feedback", "accept", name)[0] == ExitCode.OK
    assert said() == [(name, "accepted")]
    assert say("feedback", "accept", "last")[0] == ExitCode.ERROR


def error(document: dict[str, Any]) -> tuple[str, str, str]:
    (only,) = document["errors"]
    return only["code"], only["message"], only["hint"]


def test_unknown_forgotten_and_empty_ones_are_errors(root: Path, say: Say) -> None:
    name, empty = show(root, SOURCE, "a + 1"), show(root, SOURCE, "")
    for word in ("accept", "reject", "shown"):
        code, message, hint = error(say("feedback", word, "c_0000")[1])
        assert (code, message, hint) == ("feedback", "c_0000: there is no such completion", "repocomp feedback list")
    assert "answer was empty" in error(say("feedback", "accept", empty)[1])[1]
    assert say("feedback", "forget", name)[1]["data"] == {"forgotten": 1}
    assert error(say("feedback", "accept", name)[1])[1] == f"{name}: this completion was forgotten"
    assert error(say("explain", name)[1])[1] == f"{name}: this completion was forgotten"
    assert say("feedback", "forget", name)[1]["data"] == {"forgotten": 0}
    assert error(say("feedback", "forget", "c_0000")[1])[1] == "c_0000: there is no such completion"
    assert said() == []


@pytest.mark.parametrize("arguments", [["partial", "c_1"], ["edit", "c_1"], ["forget"], ["forget", "c_1", "--all"]])
def test_usage_is_explained(root: Path, say: Say, arguments: list[str]) -> None:
    assert say("feedback", *arguments)[0] == ExitCode.ERROR


def test_a_clock_that_goes_backwards_loses_nothing(
    root: Path, say: Say, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = show(root, SOURCE, "a + 1")
    monkeypatch.setattr(time, "time_ns", lambda: 86_400 * 10**9)
    assert app.run(["feedback", "accept", name]) == ExitCode.OK
    assert b"the clock stands before the completion's time" in capsysbinary.readouterr().err
    show(root, SOURCE, "a + 2")
    rows = exported(capsysbinary)
    assert [row["verdict"] for row in rows] == ["accepted", None]
    assert rows[0]["events"][0]["at"] == rows[0]["at"]
    assert rows[1]["at"].startswith("1970-01-02")


def test_a_locked_database_and_a_full_disk_are_named_and_nothing_is_half_written(
    root: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = show(root, SOURCE, "a + 1")
    with closing(sqlite3.connect(feedback_paths()[0], isolation_level=None)) as holder:
        monkeypatch.setattr(ledger, "open_feedback", partial(open_feedback, busy_ms=5))
        holder.execute("BEGIN IMMEDIATE")
        assert "another process holds" in error(say("feedback", "accept", name)[1])[1]
        holder.execute("ROLLBACK")

    def small(path: Path) -> sqlite3.Connection:
        connection = open_feedback(path)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(ledger, "open_feedback", small)
    code, message, hint = error(say("feedback", "edit", name, "--text", "word " * 9000)[1])
    assert (code, "the disk is full" in message, "free some space" in hint) == ("feedback", True, True)
    assert said() == []
    monkeypatch.undo()
    monkeypatch.chdir(root)


def test_explain_replays_what_was_logged(root: Path, say: Say, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    name = show(root, SOURCE, "a + 1")
    app.run(["feedback", "accept", name])
    capsysbinary.readouterr()
    assert app.run(["explain", name]) == ExitCode.OK
    text = capsysbinary.readouterr().out.decode()
    for expected in (
        "used: cross-file context is expected to help (p = 0.600, threshold 0.200, rule threshold, propensity 1.00)",
        "bm25 drew 2 (propensity 0.50)",
        "96 of 300 tokens, 1 chunks kept",
        "20.0 ms: prefill 10.0",
        "accepted, 20",
    ):
        assert expected in text
    rows = [line.split() for line in text.splitlines() if "lib/" in line]
    assert [row[:6] for row in rows] == [
        ["bm25", "1", "7.500", "0.01600", "lib/b.py:1-20", "kept"],
        ["bm25", "2", "3.250", "0.01500", "lib/c.py:5-24", "dropped"],
    ]


def test_explain_says_why_there_was_no_answer(root: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    name = show(root, SOURCE, "", retrieval=skipped())
    assert app.run(["explain", name]) == ExitCode.OK
    text = capsysbinary.readouterr().out.decode()
    assert "empty: the model sees nothing to add here" in text
    assert "skipped: the policy expects no help" in text
    assert "none were asked" in text


def test_list_shows_the_newest_with_what_became_of_them(
    root: Path, say: Say, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert say("feedback", "list")[0] == ExitCode.NOTHING
    names = [show(root, SOURCE, f"a + {n}") for n in range(3)]
    app.run(["feedback", "reject", names[1]])
    capsysbinary.readouterr()
    assert [row["id"] for row in say("feedback", "list", "--limit", "2")[1]["data"]] == names[1:]
    assert app.run(["feedback", "list"]) == ExitCode.OK
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert [("rejected" in line, line.endswith(f"a + {n}")) for n, line in enumerate(lines)] == [
        (False, True),
        (True, True),
        (False, True),
    ]


def test_an_export_holds_propensities_and_no_secret(root: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    secrets = [SECRET, "ghp_" + "a1B2" * 10, "hunter2-Xy9", "sk-" + "Ab3" * 12]
    show(root, "key = <|>\n", f'"{secrets[0]}"')
    name = show(root, "def push(url):\n    <|>\n", f'token = "{secrets[1]}"')
    show(root, f'password = "{secrets[2][:7]}<|>\n', f'{secrets[2][7:]}"')
    app.run(["feedback", "edit", name, "--text", f'token = "{secrets[3]}"'])
    app.run(["feedback", "partial", name, "--text", secrets[1]])
    # As an older version with fewer patterns would have stored it.
    with closing(open_feedback(feedback_paths()[0])) as connection:
        connection.execute("UPDATE impression SET text = ? WHERE id = ?", (secrets[3], name))
    capsysbinary.readouterr()
    rows = exported(capsysbinary)
    text = json.dumps(rows)
    assert not [secret for secret in [*secrets, secrets[2][7:]] if secret in text]
    assert text.count("[redacted]") == 5
    for row in rows:
        assert row["decision_propensity"] == 1.0
        assert [arm["propensity"] for arm in row["retrieval"]["arms"]] == [0.5]


def test_the_help_names_every_exported_key(root: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    show(root, SOURCE, "a + 1")
    (row,) = exported(capsysbinary)
    assert app.run(["feedback", "export", "--help"]) == ExitCode.OK
    lines = [line.strip() for line in capsysbinary.readouterr().out.decode().splitlines()]
    heads = [re.split(r"  +", line)[0] for line in lines]
    assert set(row) <= {key.strip() for head in heads for key in head.split(",")}


@pytest.mark.parametrize("how", [["ID"], ["--before", "9999-01-01"], ["--before", "0d"], ["--all"]])
def test_what_is_forgotten_is_in_no_file_any_more(root: Path, say: Say, how: list[str]) -> None:
    name = show(root, "def f(a):\n    return <|>\n", "remarkable_word(a)", path="peculiar_path.py")
    app.run(["feedback", "edit", name, "--text", "unmistakable_edit"])
    words = ("remarkable_word", "unmistakable_edit", "peculiar_path", name)
    assert all(map(files_hold, words))
    kept = show(root, SOURCE, "kept_word") if how == ["ID"] else None
    time.sleep(0.002)
    assert say("feedback", "forget", *[name if word == "ID" else word for word in how])[1]["data"] == {"forgotten": 1}
    assert not [word for word in words if files_hold(word)]
    assert files_hold("kept_word") == (kept is not None)


def test_forgetting_says_when_another_process_still_reads(
    root: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repocomp.feedback import forget

    name = show(root, SOURCE, "remarkable_word")
    monkeypatch.setattr(forget, "open_feedback", partial(open_feedback, busy_ms=5))
    with closing(sqlite3.connect(feedback_paths()[0], isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM impression").fetchone()
        assert "still reads an older state" in error(say("feedback", "forget", name)[1])[1]
        reader.execute("ROLLBACK")
    assert say("feedback", "forget", name)[1]["data"] == {"forgotten": 0}
    assert not files_hold("remarkable_word")


@pytest.mark.parametrize("text", ["yesterday", "2026-13-40", "-1d", "9999999999d"])
def test_days_that_are_none(root: Path, say: Say, text: str) -> None:
    assert "is not a day" in error(say("feedback", "forget", f"--before={text}")[1])[1]
