"""Learning in the background begins once a day, where people complete, and never where they said no."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repocomp.cli import app
from repocomp.cli.verbs import hooks
from repocomp.errors import ExitCode
from repocomp.feedback.ledger import repository_path
from repocomp.index.build import build
from repocomp.learn import learner
from repocomp.learn.background import COMMAND, claim
from repocomp.serve import client
from repocomp.store.paths import index_path
from tests.conftest import Repository
from tests.feedback.answers import show

SOURCE = "def f(alpha):\n    return <|>\n"
DAY = 24 * 3_600_000
LATER = 4_000_000_000_000
"""Milliseconds since 1970, after everything that the tests write."""


@pytest.fixture
def root(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository({"app.py": SOURCE.replace("<|>", "alpha")})
    build(root)
    monkeypatch.chdir(root)
    return root


def test_it_begins_where_completions_were_asked_for_and_once_a_day(root: Path) -> None:
    assert not claim(root)
    assert not repository_path(root).exists()
    show(root, SOURCE, "alpha")
    assert [claim(root), claim(root)] == [True, False]
    # A day later nothing new was written: there is nothing to learn from, and nothing is begun for ever after.
    assert not claim(root, LATER)
    show(root, SOURCE, "alpha + 1")
    assert [claim(root, LATER), claim(root, LATER + DAY - 1)] == [True, False]


def test_it_does_not_begin_where_learning_is_frozen_or_nothing_is_indexed(root: Path) -> None:
    show(root, SOURCE, "alpha")
    learner.freeze(root, True)
    assert not claim(root)
    learner.freeze(root, False)
    index = index_path(root)
    index.rename(index.with_name("away.db"))
    assert not claim(root)
    index.with_name("away.db").rename(index)
    assert claim(root)


@pytest.mark.parametrize(("setting", "starts"), [("auto", 1), ("never", 0)])
def test_a_hook_begins_it(root: Path, monkeypatch: pytest.MonkeyPatch, setting: str, starts: int) -> None:
    started: list[tuple[object, str]] = []
    monkeypatch.setenv("REPOCOMP_LEARN", setting)
    monkeypatch.setattr(hooks, "_detach", lambda: None)
    monkeypatch.setattr(client, "launch", lambda command, at: started.append((command, at)))
    show(root, SOURCE, "alpha")
    for _ in range(2):
        assert app.run(["hooks", "run", "post-commit", "--head", "0" * 40]) == ExitCode.OK
    assert started == [(COMMAND, str(root))] * starts


def test_what_is_begun_imports_nothing_of_the_work_tree(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[list[str], str]] = []

    class Process:
        returncode = None

        def __init__(self, arguments: list[str], cwd: str, **_: object) -> None:
            begun.append((arguments, cwd))

    monkeypatch.setattr(subprocess, "Popen", Process)
    client.launch(("--version",), str(root))
    monkeypatch.undo()
    ((arguments, folder),) = begun
    (root / "click.py").write_text("raise SystemExit('taken over')\n")
    done = subprocess.run(arguments, cwd=folder, env=dict(os.environ), capture_output=True, timeout=60, check=False)
    assert (arguments[0], folder) == (sys.executable, str(root))
    assert (done.returncode, done.stderr) == (0, b"")
