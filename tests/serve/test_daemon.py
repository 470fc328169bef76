"""A real daemon against no daemon: the same bytes, whatever is asked, and whatever happens to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from repocomp.store.paths import index_path
from tests.cli.test_complete import BAD, FILES
from tests.conftest import Repository
from tests.serve.daemon import ROOT, daemon, repocomp, status

CURSOR = "app/main.py:6:29"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for this file's tests: a daemon answers only those who share its directories."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(autouse=True)
def at_home(home: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))


@pytest.fixture(scope="module")
def runtime(home: Path, runtime_folders: Path) -> Iterator[Path]:
    """One daemon for this file's tests: starting it is most of what they cost."""
    folder = Path(tempfile.mkdtemp(dir=runtime_folders))
    directories = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    with daemon(folder, variables={"HOME": str(home), **directories}):
        yield folder


@pytest.fixture
def indexed(repository: Repository) -> Path:
    root = repository(FILES)
    (root / "binary.bin").write_bytes(b"\x7fELF\0\0")
    (root / "latin.py").write_bytes(b"caf\xe9 = 1\n")
    assert repocomp("index", cwd=root).returncode == 0
    return root


@pytest.fixture
def warm(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime


def without_costs(stdout: bytes) -> dict[str, Any]:
    """A JSON answer without what a daemon may change: times, and how much was cached."""
    document: dict[str, Any] = json.loads(stdout)
    if document["data"]:
        document["data"].pop("timings_ms")
        document["data"].pop("drafts")
        document["data"]["tokens"].pop("cached")
    return document


GOOD = [
    [CURSOR],
    [CURSOR, "--retrieve", "always"],
    [CURSOR, "--retrieve", "never", "--max-new-tokens", "3"],
    [CURSOR, "--threshold", "0", "--arms", "structured"],
    [CURSOR, "--deadline-ms", "0"],
    [CURSOR, "--deadline-ms", "0", "--exit-zero"],
    ["app/main.py:#40", "--mode", "block"],
]


def test_answers_and_errors_are_the_same_bytes_with_and_without(
    indexed: Path, warm: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(indexed)
    asked = status()["requests"]
    # What reads standard input would read that of the tests.
    mistakes = [arguments for arguments, _, _ in BAD if not any(word.startswith("-:") for word in arguments)]
    as_text, as_json = [GOOD[1], GOOD[4], *mistakes], [*GOOD, BAD[0][0]]
    for arguments in [*as_text, *([*arguments, "--json"] for arguments in as_json)]:
        with_ = repocomp("complete", *arguments, cwd=indexed)
        code = app.run(["complete", *arguments])
        stdout, stderr = capsysbinary.readouterr()
        assert (with_.returncode, with_.stderr) == (code, stderr)
        if "--json" in arguments:
            assert without_costs(with_.stdout) == without_costs(stdout)
        else:
            assert with_.stdout == stdout
    # Of mistakes some are seen before the daemon is asked; it declines the others.
    assert status()["requests"] >= asked + 2 + len(GOOD)


def test_a_buffer_settings_and_folders_reach_the_daemon(indexed: Path, warm: Path) -> None:
    buffer = "def fläche(self):\n    return self.".encode()
    for cwd, name, variables in (
        (indexed, "app/new.py", {}),
        (indexed / "app", "new.py", {"REPOCOMP_RETRIEVE": "always"}),
        (indexed / "app", "new.py", {"REPOCOMP_RETRIEVE": "sometimes"}),
        (indexed, "../outside.py", {}),
    ):
        arguments = ["complete", "-:2:17", "--stdin-filename", name, "--json"]
        with_ = repocomp(*arguments, cwd=cwd, stdin=buffer, variables=variables)
        without = repocomp(*arguments, cwd=cwd, stdin=buffer, variables={**variables, "REPOCOMP_DAEMON": "never"})
        assert without_costs(with_.stdout) == without_costs(without.stdout)
    assert repocomp("complete", "-:1:1", "--stdin-filename", "x.py", cwd=indexed, stdin=b"\xff").returncode == 2


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_stream_is_the_same_with_and_without(indexed: Path, warm: Path, form: list[str]) -> None:
    arguments = ["complete", CURSOR, "--mode", "block", "--stream", *form]
    with_ = repocomp(*arguments, cwd=indexed)
    without = repocomp(*arguments, "--daemon", "never", cwd=indexed)
    assert with_.returncode == without.returncode == 0
    if not form:
        assert with_.stdout == without.stdout == repocomp(*arguments[:-1], cwd=indexed).stdout
        return
    *pieces, last = with_.stdout.splitlines(keepends=True)
    assert [*pieces] == without.stdout.splitlines(keepends=True)[:-1]
    assert "".join(json.loads(piece)["text"] for piece in pieces) == json.loads(last)["data"]["text"]


def test_a_new_index_is_seen_at_once(indexed: Path, warm: Path) -> None:
    def chunks() -> set[str]:
        done = repocomp("complete", CURSOR, "--retrieve", "always", "--json", cwd=indexed)
        return {chunk["path"] for chunk in json.loads(done.stdout)["data"]["retrieval"]["chunks"]}

    assert "app/other.py" not in chunks()
    (indexed / "app/other.py").write_text("class Other:\n    def open_connection(self, path):\n        return Store\n")
    assert repocomp("index", cwd=indexed).returncode == 0
    assert "app/other.py" in chunks()
    assert repocomp("index", "--rebuild", cwd=indexed).returncode == 0
    assert "app/other.py" in chunks()
    # The log beside it may hold every page of it.
    index_path(indexed).with_name("index.db-wal").write_bytes(b"")
    index_path(indexed).write_bytes(b"x" * 5000)
    damaged = repocomp("complete", CURSOR, "--retrieve", "always", cwd=indexed)
    assert (damaged.returncode, b"--rebuild" in damaged.stderr) == (2, True)


def test_the_users_file_may_say_never(indexed: Path, warm: Path) -> None:
    file = Path(os.environ["XDG_CONFIG_HOME"]) / "repocomp" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('daemon = "never"\n')
    asked = status()["requests"]
    done = repocomp("complete", CURSOR, "--json", cwd=indexed)
    file.unlink()
    assert json.loads(done.stdout)["data"]["tokens"]["cached"] == 0
    assert status()["requests"] == asked + 1


def test_asking_imports_next_to_nothing(indexed: Path, warm: Path) -> None:
    """Regular expressions, enums and what stands on them would double the client's 15 ms."""
    code = (
        "import os, sys; before = set(sys.modules); import repocomp.__main__; from repocomp.cli import quick;"
        "code = quick.ask(sys.argv[1:]); new = set(sys.modules) - before; print(file=sys.stderr);"
        "print(code, *sorted(new), file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-S", "-c", code, CURSOR]
    done = subprocess.run(command, cwd=indexed, env=environment, capture_output=True, text=True, check=True)
    code_, *modules = done.stderr.splitlines()[-1].split()
    serve = {"repocomp.serve", "repocomp.serve.client", "repocomp.serve.protocol"}
    own = {"repocomp", "repocomp.__main__", "repocomp.cli", "repocomp.cli.quick", "repocomp.cli.envelope", *serve}
    assert (code_, bool(done.stdout)) == ("0", True)
    assert set(modules) <= own | {"__future__", "_json", "_socket"}


def test_a_daemon_that_is_killed_amid_requests_costs_no_answer(indexed: Path, runtime_folder: Path) -> None:
    expected = repocomp("complete", CURSOR, cwd=indexed)
    with daemon(runtime_folder) as process:
        process.send_signal(signal.SIGSTOP)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(runtime_folder)}
        command = [sys.executable, "-m", "repocomp", "complete", CURSOR]
        with subprocess.Popen(command, cwd=indexed, stdout=subprocess.PIPE, env=environment) as asking:
            time.sleep(0.3)
            process.kill()
            assert asking.communicate()[0] == expected.stdout
    # The socket is still there, with nobody behind it.
    assert (runtime_folder / "repocomp" / "socket").exists()
    after = repocomp("complete", CURSOR, cwd=indexed, variables={"XDG_RUNTIME_DIR": str(runtime_folder)})
    assert (after.returncode, after.stdout) == (expected.returncode, expected.stdout)


def test_always_starts_one_and_several_at_once_start_one(indexed: Path, runtime_folder: Path) -> None:
    variables = {"XDG_RUNTIME_DIR": str(runtime_folder)}
    command = [sys.executable, "-m", "repocomp", "complete", CURSOR, "--daemon", "always"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    clients = [subprocess.Popen(command, cwd=indexed, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    answers = {client.communicate()[0] for client in clients}
    assert answers == {repocomp("complete", CURSOR, cwd=indexed).stdout}
    assert repocomp("serve", "--detach", cwd=indexed, variables=variables).returncode == 0
    pid = status(variables)["pid"]
    assert repocomp("complete", CURSOR, "--daemon", "always", cwd=indexed, variables=variables).stdout in answers
    assert status(variables)["pid"] == pid
    second = repocomp("serve", cwd=indexed, variables=variables)
    assert (second.returncode, b"already there" in second.stderr) == (2, True)
    assert repocomp("serve", "--stop", cwd=indexed, variables=variables).stdout == b"stopped\n"
    assert repocomp("serve", "--stop", cwd=indexed, variables=variables).stdout == b"no daemon runs\n"
    assert repocomp("serve", "--status", cwd=indexed, variables=variables).returncode == 1


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing can be stopped there")
def test_a_stopped_daemon_costs_no_answer_is_named_and_ended(indexed: Path, runtime_folder: Path) -> None:
    variables = {"XDG_RUNTIME_DIR": str(runtime_folder)}
    with daemon(runtime_folder) as process:
        process.send_signal(signal.SIGSTOP)
        done = repocomp("complete", CURSOR, cwd=indexed, variables=variables)
        assert done.stdout == repocomp("complete", CURSOR, "--daemon", "never", cwd=indexed).stdout
        told = repocomp("serve", "--status", cwd=indexed, variables=variables)
        assert f"process {process.pid} does not answer" in told.stdout.decode()
        assert repocomp("serve", "--stop", cwd=indexed, variables=variables).stdout == b"stopped\n"
        assert process.wait(20) is not None
    assert repocomp("serve", "--status", cwd=indexed, variables=variables).stdout == b"no daemon runs\n"


def test_auto_starts_none(indexed: Path, runtime_folder: Path) -> None:
    repocomp("complete", CURSOR, cwd=indexed, variables={"XDG_RUNTIME_DIR": str(runtime_folder)})
    assert list(runtime_folder.glob("repocomp*")) == []


def test_with_too_little_memory_it_answers_and_leaves(indexed: Path, runtime_folder: Path) -> None:
    with daemon(runtime_folder, "--memory-cap", "64") as process:
        done = repocomp("complete", CURSOR, cwd=indexed, variables={"XDG_RUNTIME_DIR": str(runtime_folder)})
        assert done.stdout == repocomp("complete", CURSOR, cwd=indexed).stdout
        assert process.wait(20) == 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux counts ticks there")
def test_idle_it_uses_no_processor_time(warm: Path) -> None:
    ticks = Path(f"/proc/{status()['pid']}/stat")
    time.sleep(0.1)
    before = ticks.read_text().split()[13:15]
    time.sleep(0.4)
    assert ticks.read_text().split()[13:15] == before


def test_idle_for_long_enough_it_ends(tmp_path: Path) -> None:
    with daemon(tmp_path, "--idle-exit", "0.001") as process:
        assert process.wait(20) == 0
