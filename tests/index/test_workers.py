"""A file that takes too much ends its worker and is left out; every other one is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from repocomp.index.budget import is_doubtful
from repocomp.index.build import build
from repocomp.index.workers import reading

GOOD = ("good.py", b"def fine():\n    return 1\n")
HOSTILE = ("bad.py", b"/*\n" * 20_000)
"""Takes the parser of Python 15 GB at its end."""


def test_a_file_that_takes_all_memory_is_left_out_alone() -> None:
    with reading(1) as submit:
        first, second = submit([GOOD, HOSTILE, GOOD]), submit([GOOD])
        assert [content is None for content in first()] == [False, True, False]
        assert [content is None for content in second()] == [False]
        # The pool that it ended was replaced.
        assert [content is None for content in submit([GOOD])()] == [False]


def test_a_small_run_reads_doubtful_files_in_a_worker(tree: Path) -> None:
    assert is_doubtful(HOSTILE[1])
    for name, data in (GOOD, HOSTILE, ("same.py", HOSTILE[1])):
        (tree / name).write_bytes(data)
    report = build(tree)
    assert (report.skipped, report.indexed) == ({"costly": 2}, 1)
    assert build(tree).skipped == {"costly": 2}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder
