"""Indexing measured: what the parts count, and one small tree in real processes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from repocomp.bench.indexing import _parse, _proportional_bytes, _with_children
from repocomp.cli import app
from tests.conftest import Repository

FILES = {"a.py": "def total(items):\n    return sum(items)\n", "notes.txt": "one\ntwo\nthree\n"}


def test_the_floor_counts_lines_of_every_file(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    assert _parse((tmp_path, list(FILES)))[0] == 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_memory_is_that_of_a_process_and_none_of_one_that_ended() -> None:
    assert os.getpid() in _with_children(os.getpid())
    assert _proportional_bytes(os.getpid()) > 1_000_000
    assert _proportional_bytes(2**22 + 1) == 0


@pytest.mark.slow
def test_a_small_tree(repository: Repository, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    root = repository(FILES)
    assert app.run(["bench", "index", str(root), "--jobs", "1", "--json"]) == 0
    data = json.loads(capsysbinary.readouterr().out)["data"]
    assert (data["files"], data["lines"], data["again_files"]) == (2, 5, 2)
    assert (data["floor"]["files"], data["floor"]["lines"]) == (2, 5)
