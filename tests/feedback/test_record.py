"""Recording an answer: what is kept, what never is, and that nothing that goes wrong there reaches the answer."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from repocomp.config import Settings
from repocomp.feedback import record as module
from repocomp.feedback.export import export, moment
from repocomp.feedback.record import record
from repocomp.secrets.redaction import REDACTED
from repocomp.store.feedback import schema as feedback_schema
from repocomp.store.feedback.rows import Impression, impressions
from repocomp.store.identity import identify
from repocomp.store.migrate import migrate
from repocomp.store.paths import feedback_path, feedback_paths
from tests.conftest import Repository
from tests.feedback.answers import answer, show

SOURCE = "def f(a):\n    return <|>\n"
SECRET = "AKIA" + "ABCDEFGHIJKLMNOP"


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, message: str = "work") -> str:
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")


def stored() -> list[Impression]:
    (path,) = feedback_paths()
    with closing(sqlite3.connect(path)) as connection:
        return impressions(connection)


def files_hold(word: str) -> bool:
    return any(word.encode() in path.read_bytes() for path in feedback_paths()[0].parent.iterdir())


def test_an_impression_holds_what_replays_and_what_learns(repository: Repository) -> None:
    root = repository({"app.py": "x"})
    head = commit(root)
    impression_id = show(root, SOURCE, "a + 1")
    (row,) = stored()
    assert (row.id, row.text, row.chars, row.path, row.language) == (impression_id, "a + 1", 3, "app.py", "python")
    assert (row.line, row.column, row.decision, row.probability) == (2, 12, "used", 0.6)
    assert row.base == head
    details = row.details()
    assert details["features"] == {"language": "python", "place": "call"}
    assert details["retrieval"]["arms"] == [{"name": "bm25", "drawn": 2, "propensity": 0.5}]
    assert [draw["kept"] for draw in details["retrieval"]["draws"]] == [True, False]
    assert details["timings_ms"]["decode"] == 8.0


def test_the_same_answer_again_is_counted_not_repeated(repository: Repository) -> None:
    root = repository({})
    for _ in range(3):
        show(root, SOURCE, "a + 1")
    show(root, SOURCE, "a + 2")
    assert [(row.text, row.shows) for row in stored()] == [("a + 1", 3), ("a + 2", 1)]


def test_an_empty_answer_is_recorded_and_was_not_shown(repository: Repository) -> None:
    show(repository({}), SOURCE, "")
    (row,) = stored()
    assert (row.text, row.shown, row.details()["reason"]) == ("", False, "the model sees nothing to add here")


def test_without_text_only_digests_are_kept(repository: Repository) -> None:
    root = repository({})
    completion, request = answer("def unlikely_name(a):\n    return <|>\n", "improbable(a)", root=root)
    assert record(completion, request, Settings(record="no-text"), root) is None
    (row,) = stored()
    assert row.text is None
    assert row.digest.startswith("b2:")
    assert not files_hold("improbable")
    assert not files_hold("unlikely_name")


def test_recording_can_be_switched_off(repository: Repository) -> None:
    root = repository({})
    completion, request = answer(SOURCE, "a", root=root)
    assert record(completion, request, Settings(record="off"), root) is None
    assert feedback_paths() == []


def test_secrets_are_redacted_also_where_the_answer_holds_half_of_one(repository: Repository) -> None:
    root = repository({})
    show(root, "key = <|>\n", f'"{SECRET}"')
    show(root, f'password = "{SECRET[:12]}<|>\n', 'x9Qz7r"')
    whole, half = stored()
    assert whole.text == f'"{REDACTED}"'
    assert half.text == REDACTED
    assert half.details()["secret"]
    assert not files_hold(SECRET)
    assert not files_hold("x9Qz7r")


@pytest.mark.parametrize(
    ("source", "text", "secret"),
    [
        ("export DB_PASSWORD=<|>\n", "swordfish", "swordfish"),
        ("url = '<|>'\n", "https://bob:p@ss:w0rd@host/x", "p@ss:w0rd"),
        ("curl -u <|>\n", "bob:hunter2 https://host", "hunter2"),
        ("KEY\n-----BEGIN RSA PRIVATE KEY-----\n<|>", "MIIEpAIBAAKCAQEA7v3sK1q9x0mZc8r2\n", "AKCAQEA7v3sK1"),
        ("db:\n  password: <|>\n", "correct horse battery staple", "battery"),
    ],
)
def test_of_no_kind_of_secret_anything_is_kept_or_exported(
    repository: Repository, source: str, text: str, secret: str
) -> None:
    root = repository({})
    show(root, source, text, path="settings.conf")
    assert not files_hold(secret)
    (path,) = feedback_paths()
    with closing(sqlite3.connect(path)) as connection:
        (line,) = export(connection, impressions(connection))
    assert secret not in json.dumps(line)
    assert REDACTED not in json.dumps(line, ensure_ascii=False)


def test_moments_beyond_the_calendar_have_a_name() -> None:
    assert moment(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
    assert moment(253_402_300_800_000) == "+010000-01-01T00:00:00.000Z"


def test_files_are_private_and_the_schema_is_that_of_the_steps(repository: Repository, tmp_path: Path) -> None:
    show(repository({}), SOURCE, "a")
    (path,) = feedback_paths()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    select = "SELECT sql FROM sqlite_master WHERE sql NOT LIKE '%_sqlite_migrations%' ORDER BY name"
    with closing(sqlite3.connect(path)) as made, closing(sqlite3.connect(":memory:", isolation_level=None)) as stepped:
        assert made.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        migrate(stepped, feedback_schema.STEPS, feedback_schema.NAME)
        assert made.execute(select).fetchall() == stepped.execute(select).fetchall()
        migrations = Migrations(feedback_schema.NAME)
        for name, _ in feedback_schema.STEPS:
            migrations(name=name)(lambda db: None)
        assert migrations.pending(Database(made)) == []


def test_what_is_older_than_the_retention_goes(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository({})
    day_ns = 86_400 * 10**9
    start_ns = time.time_ns()
    for day, text in ((0, "first"), (20, "second"), (366, "third"), (366.5, "fourth"), (390, "fifth")):
        at_ns = start_ns + int(day * day_ns)
        monkeypatch.setattr(time, "time_ns", lambda at_ns=at_ns: at_ns)
        show(root, SOURCE, text)
    # After the long gap the first day only notes the date, and it is looked at once a day.
    assert [row.text for row in stored()] == ["third", "fourth", "fifth"]


def test_a_clock_that_jumps_ahead_and_back_costs_no_history(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository({})
    now_ns = time.time_ns()
    for years, text in ((0, "now"), (20, "ahead"), (0, "back")):
        monkeypatch.setattr(time, "time_ns", lambda years=years: now_ns + years * 365 * 86_400 * 10**9)
        show(root, SOURCE, text)
    assert [row.text for row in stored()] == ["now", "ahead", "back"]


def locked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HURRIED_MS", 5)
    holder = sqlite3.connect(feedback_paths()[0], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(module, "holder", holder, raising=False)


def read_only(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser of a container writes everywhere, so the folder is a file.
    monkeypatch.setenv("XDG_DATA_HOME", str(root / "app.py"))


def full(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "add_impression", refuse)


def damaged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feedback_paths()[0].write_bytes(b"x" * 5000)


def newer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(feedback_paths()[0])) as connection:
        connection.execute("PRAGMA user_version = 99")


def broken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "mark", lambda *_: 1 / 0)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (locked, "another process holds"),
        (read_only, "Not a directory"),
        (full, "disk is full"),
        (damaged, "damaged"),
        (newer, "newer repocomp"),
        (broken, "ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_is_a_warning(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, harm: object, said: str
) -> None:
    root = repository({"app.py": "x"})
    show(root, SOURCE, "a")
    assert callable(harm)
    harm(root, monkeypatch)
    completion, request = answer(SOURCE, "b", root=root)
    warning = record(completion, request, Settings(), root)
    assert warning is not None
    assert warning.startswith("feedback was not recorded: ")
    assert said in warning


def test_clones_and_work_trees_share_one_identity(repository: Repository, tmp_path: Path) -> None:
    root = repository({"a.py": "x"})
    first = commit(root)
    clone, other = tmp_path / "clone", tmp_path / "other"
    git(root, "clone", "-q", str(root), str(clone))
    git(root, "worktree", "add", "-q", str(other))
    assert {identify(place).name for place in (root, clone, other)} == {first}
    commit(root, "more")
    assert (identify(root).name, identify(root).head) == (first, git(root, "rev-parse", "HEAD"))


def test_of_several_root_commits_the_smallest_counts(repository: Repository) -> None:
    root = repository({"a.py": "x"})
    roots = [commit(root)]
    git(root, "checkout", "-q", "--orphan", "second")
    roots.append(commit(root, "second root"))
    git(root, "merge", "-q", "--allow-unrelated-histories", "-m", "both", roots[0])
    assert identify(root).name == min(roots)


def test_what_was_recorded_before_the_first_commit_is_kept(repository: Repository) -> None:
    root = repository({"a.py": "x"})
    show(root, SOURCE, "before")
    name = commit(root)
    show(root, SOURCE, "after")
    assert feedback_paths() == [feedback_path(name)]
    assert [row.text for row in stored()] == ["before", "after"]


def test_a_shallow_clone_and_a_plain_folder_are_known_by_their_path(repository: Repository, tmp_path: Path) -> None:
    root = repository({"a.py": "x"})
    commit(root)
    commit(root, "more")
    git(root, "clone", "-q", "--depth", "1", f"file://{root}", str(tmp_path / "shallow"))
    plain = tmp_path / "plain"
    plain.mkdir()
    names = {identify(tmp_path / "shallow").name, identify(plain).name}
    assert len(names) == 2
    assert all(name.startswith("path-") for name in names)


def test_another_repository_at_the_same_path_is_not_taken_for_the_old_one(repository: Repository) -> None:
    root = repository({"a.py": "x"})
    commit(root)
    before = identify(root).name
    os.rename(root / ".git", root.parent / "old.git")
    git(root, "init", "-q")
    after = commit(root, "another root")
    assert identify(root).name == after != before
