"""What the daemon does beside answering: it looks at saved files later, as the client that asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from repocomp.cli import hosted
from repocomp.cli.hosted import Hosted
from repocomp.serve.chores import Chores
from repocomp.serve.server import Call
from repocomp.serve.warm import Warm
from tests.conftest import Repository

MEMORY = 512_000_000


@pytest.mark.parametrize(("settings", "looks"), [({}, 4), ({"REPOCOMP_RECORD": "off"}, 0)])
def test_saved_files_are_looked_at_in_the_clients_place(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], looks: int
) -> None:
    root, now, seen = repository({"a.py": "def f(alpha):\n    return alpha\n"}), [0.0], list[tuple[Path, str, str]]()
    monkeypatch.setattr(hosted, "sweep", lambda root: seen.append((root, os.environ["XDG_DATA_HOME"], os.getcwd())))
    chores = Chores(lambda: now[0])
    variables = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache"), **settings}
    message = {
        "arguments": ["complete", "a.py:2:12", "--retrieve", "never"],
        "folder": str(root),
        "environment": variables,
        "stdin": "",
        "terminals": [False, False],
    }
    replies: list[bytes] = []
    post: Callable[[Call, bytes, bool], None] = lambda call, data, last: replies.append(data)  # noqa: E731
    assert Hosted(Warm(MEMORY), chores).answer(Call(message, 0.0, post))
    assert b"exit_code" in replies[-1]
    for now[0] in (20, 45, 145, 325, 625, 9999):
        chores.run_due()
    assert seen == [(root, str(tmp_path / "data"), str(root))] * looks
