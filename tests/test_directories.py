"""Where files lie: as the platform has it, never at a relative path, and cache apart from data."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest
from platformdirs.windows import Windows

from repocomp import directories
from repocomp.serve import protocol

KINDS = {"cache": directories.cache, "data": directories.data, "config": directories.config, "state": directories.state}


@pytest.mark.parametrize("kind", KINDS)
def test_the_variables_of_the_xdg_specification_are_obeyed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", "/somewhere")
    assert KINDS[kind]() == Path("/somewhere/repocomp")


@pytest.mark.parametrize("kind", KINDS)
def test_a_relative_path_is_ignored(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", "relative")
    relative = KINDS[kind]()
    monkeypatch.delenv(f"XDG_{kind.upper()}_HOME")
    assert relative == KINDS[kind]()
    assert relative.is_absolute()


def test_what_can_be_made_again_lies_apart_from_what_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda name: "C:/Users/me/AppData/Local")
    windows = Windows("repocomp", appauthor=False)
    assert windows.user_cache_dir != windows.user_data_dir
    assert directories.cache() != directories.data()


def test_the_client_finds_the_runtime_folder_by_itself_as_the_library_would(
    runtime_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
    assert protocol.folder() == platformdirs.user_runtime_dir("repocomp", appauthor=False)
    names = protocol.directories({name: "x" for name in os.environ} | {"XDG_CACHE_HOME": "y"})
    assert "XDG_CACHE_HOME" in names
