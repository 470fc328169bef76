"""Every executor gives the same results in the same order, and what a lost worker did is done again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.errors import TrainError, WorkerError
from repocomp.executor.ordered import MOST_LOSSES, Ended, in_order
from repocomp.executor.workers import Workers
from tests.executor.jobs import Deadly, Reading, Squares


class FakePool:
    """Squares numbers; which worker ends next, and which is lost, `chances` say."""

    def __init__(self, size: int, chances: Iterable[tuple[int, bool]], *, is_late: bool = False) -> None:
        self._size, self._chances = size, deque(chances)
        self._flying: list[tuple[int, int]] = []
        self._ready = 0 if is_late else size
        self.given: list[int] = []

    def size(self) -> int:
        return self._size

    def has_room(self) -> bool:
        return len(self._flying) < self._ready

    def give(self, number: int, task: int) -> None:
        assert self.has_room()
        self._flying.append((number, task))
        self.given.append(number)

    def ended(self) -> Iterator[Ended[int]]:
        if not self._flying:
            # The first worker is ready only now.
            self._ready += 1
            return
        at, is_lost = self._chances.popleft() if self._chances else (0, False)
        number, task = self._flying.pop(at % len(self._flying))
        yield Ended(number, () if is_lost else (task * task,))


@given(
    tasks=st.lists(st.integers(0, 99), max_size=30),
    size=st.integers(1, 5),
    ends=st.lists(st.integers(0, 9), max_size=40),
    lost=st.sets(st.integers(0, 39), max_size=MOST_LOSSES - 1),
    is_late=st.booleans(),
)
def test_results_come_in_order_whoever_ends_first_or_is_lost(
    tasks: list[int], size: int, ends: list[int], lost: set[int], is_late: bool
) -> None:
    pool = FakePool(size, [(end, at in lost) for at, end in enumerate(ends)], is_late=is_late)
    assert list(in_order(tasks, pool)) == [task * task for task in tasks]


def test_few_tasks_are_drawn_ahead_of_a_slow_one() -> None:
    drawn: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            drawn.append(number)
            yield number

    # The first task never ends before the others, as long as others end.
    pool = FakePool(3, [(-1, False)] * 500)
    results = in_order(tasks(), pool)
    assert next(results) == 0
    assert len(drawn) <= 32 * 3 + 1


def test_a_task_that_ends_every_worker_is_named_as_such() -> None:
    with pytest.raises(WorkerError, match="each of them ended"):
        list(in_order([1, 2], FakePool(1, [(0, True)] * MOST_LOSSES)))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_job_is_opened_once_in_each_worker_and_left(tmp_path: Path, jobs: int) -> None:
    job = Squares(tmp_path / "log")
    with Workers(jobs).executor() as executor, executor.run(job) as run:
        found = list(run(range(20)))
        assert [square for square, _ in found] == [number**2 for number in range(20)]
        with pytest.raises(TrainError, match="-1 is negative") as raised:
            list(run([1, -1]))
        assert raised.value.hint == "ask for another"
    said = (tmp_path / "log").read_text().splitlines()
    assert sorted(line.split()[0] for line in said) == ["close"] * len(said[::2]) + ["open"] * len(said[::2])
    assert len({line.split()[1] for line in said}) == len(said) // 2 <= jobs


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    with Workers(2).executor() as executor, executor.run(Deadly(tmp_path, (3, 7))) as run:
        assert list(run(range(10))) == list(range(10))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_task_that_kills_every_process_ends_the_run(tmp_path: Path) -> None:
    with Workers(2).executor() as executor, executor.run(Deadly(tmp_path, times=MOST_LOSSES)) as run:
        results = run(range(10))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(WorkerError):
            list(results)


def test_what_is_shared_on_one_machine_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"abc")
    with Workers(2).executor() as executor:
        shared = executor.share(path)
        assert shared.path() == path
        with executor.run(Reading(shared)) as run:
            assert bytes(run(range(3))) == b"abc"
