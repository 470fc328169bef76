"""What the daemon does beside answering: it looks at saved files later, as the client that asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import hosted
from repocomp.cli.hosted import Hosted
from repocomp.index.build import build
from repocomp.learn.unasked import COMMAND
from repocomp.serve.deferred import Chores
from repocomp.serve.server import Call
from repocomp.service.warm import Warm
from tests.conftest import Repository

MEMORY = 512_000_000


def asking(root: Path, tmp_path: Path, settings: dict[str, str]) -> dict[str, Any]:
    """What a client sends."""
    variables = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache"), **settings}
    return {
        "arguments": ["complete", "a.py:2:12", "--retrieve", "never"],
        "folder": str(root),
        "environment": variables,
        "stdin": "",
        "terminals": [False, False],
    }


@pytest.mark.parametrize(("settings", "looks"), [({}, 4), ({"REPOCOMP_RECORD": "off"}, 0)])
def test_saved_files_are_looked_at_in_the_clients_place(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], looks: int
) -> None:
    root, now, seen = repository({"a.py": "def f(alpha):\n    return alpha\n"}), [0.0], list[tuple[Path, str, str]]()
    monkeypatch.setattr(hosted, "sweep", lambda root: seen.append((root, os.environ["XDG_DATA_HOME"], os.getcwd())))
    chores = Chores(lambda: now[0])
    message = asking(root, tmp_path, settings)
    replies: list[bytes] = []
    post: Callable[[Call, bytes, bool], None] = lambda call, data, last: replies.append(data)  # noqa: E731
    assert Hosted(Warm(MEMORY), chores).answer(Call(message, 0.0, post))
    assert b"exit_code" in replies[-1]
    for now[0] in (20, 45, 145, 325, 625, 9999):
        chores.run_due()
    assert seen == [(root, str(tmp_path / "data"), str(root))] * looks


@pytest.mark.parametrize(
    ("settings", "starts"), [({}, 1), ({"REPOCOMP_LEARN": "never"}, 0), ({"REPOCOMP_RECORD": "off"}, 0)]
)
def test_it_has_another_process_learn_once_nobody_asks_any_more(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], starts: int
) -> None:
    root, now = repository({"a.py": "def f(alpha):\n    return alpha\n"}), [0.0]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    build(root)
    started: list[tuple[Sequence[str], str, str, float]] = []
    monkeypatch.setattr(
        hosted, "launch", lambda command, at: started.append((command, at, os.environ["XDG_DATA_HOME"], now[0]))
    )
    chores = Chores(lambda: now[0])
    served = Hosted(Warm(MEMORY), chores)
    message = asking(root, tmp_path, settings)
    # Asked every ten minutes nothing is begun; a quarter of an hour later it is, once, and not again the same day.
    for now[0] in (0, 600, 1200):
        assert served.answer(Call(message, 0.0, lambda call, data, last: None))
        chores.run_due()
    assert started == []
    for now[0] in (2200, 2300):
        chores.run_due()
    assert served.answer(Call(message, 0.0, lambda call, data, last: None))
    now[0] = 9999
    assert chores.run_due() is None
    assert started == [(COMMAND, str(root), str(tmp_path / "data"), 2200)] * starts
