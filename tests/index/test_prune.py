"""Indexes of work trees that are gone are named by the doctor and removed when asked; no other is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from repocomp.cli import app
from repocomp.index.build import build
from repocomp.index.prune import abandoned
from repocomp.store.paths import index_path, index_paths
from tests.conftest import write_files


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """A work tree that is there and one that was removed, both indexed."""
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    for root in (kept, gone):
        write_files(root, {"a.py": "a = 1\n"})
        build(root)
    gone_index = index_path(gone)
    shutil.rmtree(gone)
    assert gone_index.exists()
    return kept, gone


def test_only_what_belongs_to_nothing_is_removed(roots: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    kept, gone = roots
    unknown = index_path(kept).parent.with_name("unknown") / "index.db"
    unknown.parent.mkdir()
    unknown.write_bytes(b"no database")
    assert [index.root for index in abandoned()] == [gone]
    assert app.run(["index", "--prune", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["pruned"] == [str(gone)]
    assert data["bytes"] > 0
    assert set(index_paths()) == {index_path(kept), unknown}
    assert app.run(["index", "--prune"]) == 0
    assert "0 indexes removed" in capsys.readouterr().err


def test_the_doctor_says_how_much(
    roots: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(roots[0])
    app.run(["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["data"]}
    assert checks["old indexes"]["found"].startswith("1 of work trees that are gone")
    assert checks["old indexes"]["hint"] == "repocomp index --prune"
