"""A file that takes too much ends its worker and is left out; every other one is read."""

from __future__ import annotations

import random
import sys
import threading
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest

from repocomp import worker_pool
from repocomp.index import workers
from repocomp.index.build import build
from repocomp.index.workers import reading

GOOD = ("good.py", b"def fine():\n    return 1\n")
LONG = ("long.py", GOOD[1] * 99)
HOSTILE = ("bad.py", b"/*\n" * 8_000)
"""Takes the parser of Python 15 GB at its end."""


@pytest.fixture(autouse=True)
def less_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """For forks, which then end the sooner."""
    monkeypatch.setattr(workers, "_MOST_BYTES", 1 << 28)


def test_a_file_that_takes_all_memory_is_left_out_alone() -> None:
    with reading(1) as submit:
        first, second = submit([GOOD, HOSTILE, GOOD]), submit([GOOD])
        assert [content is None for content in first()] == [False, True, False]
        assert [content is None for content in second()] == [False]
        # The pool that it ended was replaced.
        assert [content is None for content in submit([GOOD])()] == [False]


@pytest.mark.parametrize("spaces", [("\n",), (" \n", "\t\n", "  \n", " \t\n", "\t \n", "\n\n", "\t\t\n", "\n\t\n")])
def test_a_small_run_leaves_out_what_takes_all_memory(tree: Path, spaces: tuple[str, ...]) -> None:
    """Whether it says the same over and over, or in eight ways, so that it can hardly be compressed."""
    rng = random.Random(0)
    hostile = "".join(f"/*{rng.choice(spaces)}" for _ in range(8_000)).encode()
    for name, data in (GOOD, ("bad.py", hostile), ("same.py", hostile)):
        (tree / name).write_bytes(data)
    report = build(tree)
    assert (report.skipped, report.indexed) == ({"costly": 2}, 1)
    assert build(tree).skipped == {"costly": 2}


def test_where_other_threads_run_workers_are_fresh_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    methods: list[str] = []

    def noted(method: str) -> BaseContext:
        methods.append(method)
        return get_context(method)

    monkeypatch.setattr(worker_pool, "get_context", noted)
    # Other tests may have left threads behind.
    for threads in (1, 2):
        monkeypatch.setattr(threading, "active_count", lambda threads=threads: threads)
        with reading(1) as submit:
            submit([LONG])()
    assert methods == ["fork" if sys.platform == "linux" else "spawn", "spawn"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder
