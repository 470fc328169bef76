"""Work that is cut off at any moment: by a signal, by a disk that is full, or by the n-th call that fails.

Each task changes one kind of data that outlives a process. It runs in a fork of this process, which has everything
imported, so that a thousand deaths cost minutes rather than hours: `python -m tests.security.victims kills ROOT COUNT
SEED` prints one JSON document about them; so does `faults`.
"""

from __future__ import annotations

import builtins
import errno
import json
import os
import random
import resource
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from repocomp import directories
from repocomp.config import Settings
from repocomp.errors import RepocompError
from repocomp.feedback.hooks import EVENTS, block, install, uninstall
from repocomp.feedback.ledger import repository_path, say
from repocomp.feedback.record import record
from repocomp.index.build import build
from repocomp.learn import learner
from repocomp.store.connect import Connection
from repocomp.store.feedback.connect import explained, open_feedback
from repocomp.store.feedback.learning import ReplayRow, add_replay
from repocomp.store.paths import feedback_paths
from tests.feedback.answers import answer

Acknowledge = Callable[[str], None]
SOURCE = "def f(a):\n    return <|>\n"
REFUSED, ABSORBED, ESCAPED, DONE = 2, 4, 5, 0
"""How a victim of a fault ends: with an error that has its line, as if nothing had been, with a bug, without one."""


def index(root: Path, number: int, acknowledge: Acknowledge) -> None:
    """A changed file, and the index brought up to date."""
    (root / f"more_{number % 7}.py").write_text(f"def more_{number}(x):\n    return x + {number}\n" * 9)
    build(root, jobs=1)


def rebuild(root: Path, number: int, acknowledge: Acknowledge) -> None:
    """The whole index made anew beside the old one."""
    build(root, jobs=1, rebuild=True)


def feedback(root: Path, number: int, acknowledge: Acknowledge) -> None:
    """An answer is recorded, and a word said about it."""
    completion, request = answer(SOURCE, f"a + {number}", root=root)
    if record(completion, request, Settings(), root) is None:
        acknowledge(f"impression id {completion.id}")
        if say(root, completion.id, "accepted", None, keep_text=True).outcome == "recorded":
            acknowledge(f"event impression_id {completion.id}")


def learn(root: Path, number: int, acknowledge: Acknowledge) -> None:
    """Replays, a row each, and a switch."""
    path = repository_path(root)
    with closing(open_feedback(path)) as connection, explained(path):
        for step in range(5):
            hole = f"{number}-{step}"
            add_replay(connection, "state", ReplayRow(hole, "a.py", "{}"), number)
            acknowledge(f"replay hole {hole}")
    learner.freeze(root, bool(number % 2))


def hooks(root: Path, number: int, acknowledge: Acknowledge) -> None:
    """The hooks put in, and taken out again."""
    install(root)
    uninstall(root)


TASKS = (index, feedback, learn, rebuild, feedback, hooks)


class Ward:
    """What must hold of the data of `root`, whatever happened to those who wrote it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._acknowledged: set[str] = set()
        self.checks = self._victims = 0

    def note(self, lines: str) -> None:
        """Remember what a victim was told to be done."""
        self._acknowledged.update(line for line in lines.split("\n")[:-1])

    @property
    def acknowledged(self) -> int:
        """How many writes were."""
        return len(self._acknowledged)

    def check_now_and_then(self) -> None:
        """Check after every fifth victim: what was damaged or lost stays so."""
        self._victims += 1
        if self._victims % 5 == 0:
            self.check()

    def check(self) -> None:
        """Every database is whole and holds what was acknowledged, every hook is whole. Raises AssertionError."""
        self.checks += 1
        for path in [*feedback_paths(), *directories.cache().rglob("*.db")]:
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), path
        found = set(self._stored())
        assert self._acknowledged <= found, sorted(self._acknowledged - found)[:5]
        for event in EVENTS:
            hook = self._root / ".git" / "hooks" / event
            assert not hook.exists() or hook.read_text() == "#!/bin/sh\n" + block(event), hook

    def _stored(self) -> Iterator[str]:
        for path in feedback_paths():
            with closing(sqlite3.connect(path)) as connection:
                tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
                for table, column in (("impression", "id"), ("event", "impression_id"), ("replay", "hole")):
                    if table in tables:
                        for (value,) in connection.execute(f"SELECT {column} FROM {table}"):
                            yield f"{table} {column} {value}"


def fork(work: Callable[[Acknowledge], int]) -> tuple[int, int]:
    """Do `work` in a fork; its process, and the descriptor to read from what it acknowledges."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    _live(work, writing)


def _live(work: Callable[[Acknowledge], int], writing: int) -> NoReturn:
    # Bound now: later calls of the system may be made to fail.
    write, leave = os.write, os._exit
    code = ESCAPED
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        code = work(lambda line: None if write(writing, f"{line}\n".encode()) else None)
    finally:
        leave(code)


def all_of(descriptor: int) -> str:
    """What can be read until the other end is closed."""
    with open(descriptor, encoding="utf-8") as stream:
        return stream.read()


def kills(root: Path, times: int, seed: int) -> dict[str, Any]:
    """Kill a task at a random moment, so many times; and see that the next run of each goes through."""
    rng, ward, ends = random.Random(seed), Ward(root), Counter[str]()
    longest = {task: _duration(task, root) for task in TASKS}
    for number in range(times):
        task = TASKS[number % len(TASKS)]
        process, reading = fork(lambda tell, task=task, number=number: task(root, number, tell) or DONE)  # type: ignore[misc]
        time.sleep(rng.random() * longest[task])
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        ends[f"{task.__name__}: {'killed' if os.WIFSIGNALED(status) else 'done'}"] += 1
        ward.note(all_of(reading))
        ward.check()
    for task in TASKS:
        task(root, times, lambda _: None)
    ward.check()
    return {"kills": times, "acknowledged": ward.acknowledged, "checks": ward.checks, "ends": ends}


def _duration(task: Callable[..., None], root: Path) -> float:
    task(root, 1_000_000, lambda _: None)
    started = time.monotonic()
    task(root, 1_000_001, lambda _: None)
    return 1.1 * (time.monotonic() - started)


FAILING = ("open", "fsync", "replace", "rename", "link", "unlink", "mkdir", "chmod", "read", "write", "stat", "scandir")


class Fault:
    """Lets the n-th call fail that asks the system or SQLite for something; from then on none."""

    def __init__(self, at: int, number: int) -> None:
        self._left, self._number = at, number
        self.has_happened = False

    def due(self) -> bool:
        """Whether this call is the one."""
        self._left -= 1
        self.has_happened = self.has_happened or self._left == 0
        return self._left == 0

    def install(self) -> None:
        """Put the fault into this process, for good."""
        for name in FAILING:
            setattr(os, name, self._failing(getattr(os, name)))
        builtins.open = self._failing(builtins.open)
        original, fault = sqlite3.connect, self
        message = "database or disk is full" if self._number == errno.ENOSPC else "disk I/O error"

        class Failing(Connection):
            def execute(self, *arguments: Any) -> sqlite3.Cursor:
                if fault.due():
                    raise sqlite3.OperationalError(message)
                return super().execute(*arguments)

            def executemany(self, *arguments: Any) -> sqlite3.Cursor:
                if fault.due():
                    raise sqlite3.OperationalError(message)
                return super().executemany(*arguments)

        sqlite3.connect = lambda *arguments, **options: original(*arguments, factory=Failing, **options)  # type: ignore[assignment]

    def _failing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self.due():
                raise OSError(self._number, os.strerror(self._number))
            return function(*arguments, **options)

        return call


def faults(root: Path, times: int, seed: int) -> dict[str, Any]:
    """Let every call of every task fail in turn, with a full disk and a broken one; so many times in all."""
    rng, ward, ends, escaped = random.Random(seed), Ward(root), Counter[str](), []
    for task in TASKS:
        task(root, 0, lambda _: None)
    numbers = count()
    while sum(ends.values()) < times:
        for task in dict.fromkeys(TASKS):
            for kind in (errno.ENOSPC, errno.EIO, 0):
                # Every call at first; then other stretches of long tasks, by a step that changes. Sizes of an index are
                # taken in longer ones: six thousand in a row would be most of all faults.
                is_long = task in (index, rebuild)
                step = (1 + rng.randrange(7) * (5 if is_long else 1)) * (30 if is_long and not kind else 1)
                for at in range(1 + rng.randrange(step), 10_000, step):
                    code, said = _suffer(task, root, next(numbers), at, kind, ward)
                    if code == DONE:
                        break
                    ends[f"{task.__name__} {errno.errorcode.get(kind, 'EFBIG')}: {code}"] += 1
                    if code == ESCAPED:
                        escaped.append(f"{task.__name__} {kind} {at}: {said}")
                    if sum(ends.values()) >= times:
                        break
    for task in TASKS:
        task(root, next(numbers), lambda _: None)
    ward.check()
    return {"faults": sum(ends.values()), "acknowledged": ward.acknowledged, "ends": ends, "escaped": escaped[:50]}


def _suffer(task: Callable[..., None], root: Path, number: int, at: int, kind: int, ward: Ward) -> tuple[int, str]:
    """One task with one fault: how it ended. `kind` 0: no file may grow beyond `at` times a KiB."""

    def work(tell: Acknowledge) -> int:
        fault = Fault(at, kind or errno.EFBIG)
        if kind:
            fault.install()
        else:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (at << 10, at << 10))
        try:
            task(root, number, tell)
        except (RepocompError, OSError):
            return REFUSED
        except BaseException as error:
            tell(f"!{type(error).__name__}: {error}")
            return ESCAPED
        return ABSORBED if fault.has_happened else DONE

    process, reading = fork(work)
    said = all_of(reading)
    _, status = os.waitpid(process, 0)
    lines = said.split("\n")
    ward.note("\n".join(line for line in lines if not line.startswith("!")))
    ward.check_now_and_then()
    return os.waitstatus_to_exitcode(status), next((line for line in lines if line.startswith("!")), "")


if __name__ == "__main__":
    what, where, how_many, which = sys.argv[1:]
    with suppress(BrokenPipeError):
        print(json.dumps({"kills": kills, "faults": faults}[what](Path(where), int(how_many), int(which))))  # noqa: T201
