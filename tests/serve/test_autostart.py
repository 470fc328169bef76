"""The daemon that starts by itself: at the second request, once, and only where somebody sits."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repocomp.cli import app
from repocomp.serve import autostart, client, protocol
from repocomp.serve.endpoint import listening
from tests.conftest import Repository
from tests.feedback.test_record import commit
from tests.serve.daemon import repocomp, status

NOBODY: dict[str, str] = {}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a daemon would have been started."""
    times: list[float] = []
    monkeypatch.setattr(autostart, "start", lambda: times.append(time.time()))
    return times


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1_000_000.0]
    monkeypatch.setattr("repocomp.serve.autostart.time.time", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    return forward


def test_it_is_the_second_request_within_minutes(started: list[float], clock: Callable[[float], None]) -> None:
    assert not autostart.start_if_due(NOBODY)
    clock(autostart.WINDOW_S + 1)
    assert not autostart.start_if_due(NOBODY)
    clock(autostart.WINDOW_S - 1)
    assert autostart.start_if_due(NOBODY)
    assert len(started) == 1


def test_one_that_does_not_come_up_is_not_started_with_every_request(
    started: list[float], clock: Callable[[float], None]
) -> None:
    for _ in range(10):
        autostart.start_if_due(NOBODY)
        clock(20)
    assert len(started) == 1
    clock(autostart.WINDOW_S - 150)
    assert autostart.start_if_due(NOBODY)


def test_a_clock_that_was_set_back_starts_nothing(started: list[float], clock: Callable[[float], None]) -> None:
    autostart.start_if_due(NOBODY)
    clock(-1000)
    assert not autostart.start_if_due(NOBODY)


@pytest.mark.parametrize("name", ["CI", "JENKINS_URL", "TF_BUILD", "PRE_COMMIT", "GIT_INDEX_FILE", "SUDO_UID"])
def test_never_where_nobody_sits(started: list[float], name: str) -> None:
    for _ in range(3):
        assert not autostart.start_if_due({name: "1"})
    assert not Path(protocol.folder()).exists()


def test_never_in_a_home_of_another_user(started: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert not autostart.may_start(NOBODY)


def test_never_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    assert not autostart.may_start(NOBODY)


def test_never_beside_one_that_is_there(started: list[float]) -> None:
    with listening():
        for _ in range(3):
            assert not autostart.start_if_due(NOBODY)


def test_many_requests_at_once_start_one(started: list[float]) -> None:
    autostart.start_if_due(NOBODY)
    threads = [threading.Thread(target=autostart.start_if_due, args=(NOBODY,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1


def test_a_folder_that_others_can_enter_is_not_used(started: list[float]) -> None:
    Path(protocol.folder()).mkdir(parents=True)
    Path(protocol.folder()).chmod(0o777)
    for _ in range(3):
        assert not autostart.start_if_due(NOBODY)


def test_git_says_that_it_runs_a_hook(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository({"a.py": "x = 1\n"})
    seen = root.parent / "environment"
    for hook in ("pre-commit", "post-commit"):
        script = root / ".git" / "hooks" / hook
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\nenv > {seen}-{hook}\n")
        script.chmod(0o755)
    commit(root)
    for hook in ("pre-commit", "post-commit"):
        lines = Path(f"{seen}-{hook}").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines if "=" in line)
        environment.pop("CI")
        assert not autostart.may_start(environment), hook


@pytest.fixture
def attended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*autostart._UNATTENDED, *autostart._ANOTHER_USER):
        monkeypatch.delenv(name, raising=False)
    yield
    app.run(["serve", "--stop"])


def test_a_real_one_starts_once_says_so_once_and_answers(attended: None, repository: Repository) -> None:
    root = repository({"a.py": "alpha = 1\nbeta = alp"})
    said = [repocomp("complete", "a.py:2:11", "--exit-zero", cwd=root).stderr.decode() for _ in range(2)]
    assert [text.count(autostart.STARTED) for text in said] == [0, 1]
    end = time.monotonic() + 30
    while client.tell("status") is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert autostart.STARTED not in repocomp("complete", "a.py:2:11", "--exit-zero", cwd=root).stderr.decode()
    assert status()["requests"] == 1


def test_an_upgraded_daemon_starts_anew(attended: None, repository: Repository, tmp_path: Path) -> None:
    """A copy of the package, one file of which changes while its daemon runs."""
    import shutil

    from repocomp.cli.house import ROOT

    package = tmp_path / "site" / "repocomp"
    shutil.copytree(ROOT, package, ignore=shutil.ignore_patterns("__pycache__"))
    variables = {"PYTHONPATH": str(package.parent), "REPOCOMP_DAEMON": "auto"}

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return repocomp(*arguments, cwd=root, variables=variables)

    root = repository({"a.py": "alpha = 1\nbeta = alp"})
    assert run("serve", "--detach", "--idle-exit", "7").returncode == 0
    before = status(variables)
    (package / "errors.py").touch()
    assert run("complete", "a.py:2:11", "--exit-zero").returncode == 0
    end = time.monotonic() + 30
    # One that is starting tells its pid before it answers.
    while "idle_exit_s" not in (now := status(variables)) or now["pid"] == before["pid"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert now["idle_exit_s"] == 420


def test_a_daemon_that_another_installation_replaces_is_followed_by_its_own(
    attended: None, started: list[float]
) -> None:
    autostart.expect()
    assert autostart.start_if_due(NOBODY)
