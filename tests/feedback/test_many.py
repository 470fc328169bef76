"""Many processes at once, and processes that are killed: nothing acknowledged is lost, nothing counted twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from repocomp.store.feedback.connect import open_feedback
from repocomp.store.feedback.rows import add_impression, impression
from repocomp.store.paths import feedback_paths
from tests.conftest import Repository, write_files
from tests.feedback.answers import show
from tests.feedback.test_record import SOURCE, commit

HERE = Path(__file__).parents[2]
SAY = (
    "import sys; from pathlib import Path; from repocomp.feedback.ledger import say\n"
    "for name in sys.argv[1:]:\n"
    "    print(name, say(Path.cwd(), name, 'accepted', None, keep_text=True).outcome, flush=True)\n"
)
COMPLETE = (
    "import os, sys; from repocomp.cli.app import run\n"
    "for line in range(1, 1 + int(sys.argv[1])): run(['complete', f'app.py:{line}:1', '--max-new-tokens', '2'])\n"
)
INDEX = (
    "import sys; from pathlib import Path; from repocomp.cli.app import run\n"
    "for n in range(int(sys.argv[1])):\n"
    "    Path(f'more_{n}.py').write_text(f'def more_{n}(x):\\n    return x\\n' * 20); run(['index', '--quiet'])\n"
)


def start(root: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=pipe, stderr=pipe, text=True)


def said() -> Counter[str]:
    with closing(sqlite3.connect(feedback_paths()[0])) as connection:
        return Counter(name for (name,) in connection.execute("SELECT impression_id FROM event"))


def shown(root: Path, count: int) -> list[str]:
    """So many completions; copies of the first, since asking git for each takes long."""
    first = show(root, SOURCE, "a")
    with closing(open_feedback(feedback_paths()[0], synced=False)) as connection:
        row = impression(connection, first)
        assert row is not None
        connection.execute("BEGIN")
        for n in range(1, count):
            add_impression(connection, replace(row, id=f"c_{n:016x}"))
        connection.execute("COMMIT")
    return [first, *(f"c_{n:016x}" for n in range(1, count))]


def finished(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    texts = [process.communicate(timeout=300) for process in processes]
    assert [(process.returncode, error) for process, (_, error) in zip(processes, texts, strict=True)] == [
        (0, "") for _ in processes
    ]
    return [line for text, _ in texts for line in text.splitlines()]


@pytest.mark.parametrize(
    ("workers", "each", "others"),
    [(3, 12, 0), pytest.param(8, 125, 40, marks=pytest.mark.slow)],
    ids=["some", "1,000 while indexing and completing"],
)
def test_of_many_writers_none_is_lost_and_none_doubled(
    repository: Repository, workers: int, each: int, others: int
) -> None:
    root = repository({"app.py": "def f(a):\n    return a\n" * 30})
    commit(root)
    names = shown(root, workers * each)
    # Each name is said by two processes: one of them is told that it was said before.
    halves = [names[n * each : (n + 1) * each] for n in range(workers)]
    writers = [start(root, SAY, *half, *halves[n - 1][: each // 4]) for n, half in enumerate(halves)]
    busy = [start(root, COMPLETE, str(others)), start(root, INDEX, str(others // 2))] if others else []
    lines = finished(writers)
    others_said = [(process.communicate(timeout=300)[1], process.returncode) for process in busy]
    assert [("feedback was not recorded" in error, code) for error, code in others_said] == [(False, 0)] * len(busy)
    assert said() == Counter(names)
    assert Counter(line.split()[1] for line in lines) == {
        "recorded": workers * each,
        "already": workers * (each // 4),
    }
    with closing(sqlite3.connect(feedback_paths()[0])) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (count,) = connection.execute("SELECT sum(shows) FROM impression WHERE path = 'app.py'").fetchone()
    assert count == workers * each + others


@pytest.mark.parametrize("moments", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_what_was_acknowledged_outlives_a_kill_at_any_moment(repository: Repository, moments: int) -> None:
    root = repository({})
    write_files(root, {"app.py": "x"})
    names = shown(root, 60 * moments)
    rng = random.Random(moments)
    acknowledged: set[str] = set()
    for moment in range(moments):
        process = start(root, SAY, *names[60 * moment : 60 * (moment + 1)])
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        time.sleep(rng.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        lines += [line + "\n" for line in rest.split("\n")[:-1]]
        acknowledged |= {line.split()[0] for line in lines if line.endswith("recorded\n")}
    found = said()
    assert acknowledged
    assert acknowledged <= set(found)
    assert set(found.values()) == {1}
    with closing(sqlite3.connect(feedback_paths()[0])) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
