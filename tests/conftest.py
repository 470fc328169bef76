"""Every test runs apart from the user's home, settings, git configuration and terminal."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is slow, and a suite says the same twice.
settings.register_profile("here", deadline=None, derandomize=True)
settings.load_profile("here")

Repository = Callable[[dict[str, str]], Path]


@pytest.fixture(scope="session")
def runtime_folders() -> Iterator[Path]:
    """Room for folders of sockets: wherever temporary files lie, the path of a socket must be short."""
    with tempfile.TemporaryDirectory(prefix="repocomp-", dir=None if os.name == "nt" else "/tmp") as folder:
        yield Path(folder).resolve()


@pytest.fixture
def runtime_folder(runtime_folders: Path) -> Path:
    """A folder for the sockets of one test."""
    return Path(tempfile.mkdtemp(dir=runtime_folders))


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, runtime_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own; returns it."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("REPOCOMP_", "GIT_", "XDG_")) or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    for name, folder in {
        "HOME": ".",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_STATE_HOME": "state",
        "XDG_DATA_HOME": "data",
    }.items():
        monkeypatch.setenv(name, str(home / folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder / "run"))
    # No hook or daemon of a test leaves a process that learns behind.
    monkeypatch.setenv("REPOCOMP_LEARN", "never")
    # And no test starts a daemon unasked.
    monkeypatch.setenv("CI", "true")
    # What is written is to be seen; tests of silence set a bound of their own.
    monkeypatch.setenv("REPOCOMP_MIN_CONFIDENCE", "0")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.org")
    return home


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Make a git repository of the given files; returns its root."""

    def make(files: dict[str, str]) -> Path:
        root = tmp_path / "work"
        write_files(root, files)
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        return root

    return make


def write_files(root: Path, files: dict[str, str]) -> None:
    """Write texts below `root`, folders made as needed."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
