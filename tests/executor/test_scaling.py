"""How many workers can be kept busy: tasks whose times differ, results in order, all of it in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
import pytest

from repocomp.executor.ordered import Ended, in_order


class SimulatedPool:
    """So many workers; a task is the seconds that it takes, and giving one takes the coordinator `cost_s`."""

    def __init__(self, size: int, cost_s: float, lost: float = 0.0) -> None:
        self._size, self._cost_s, self._lost = size, cost_s, lost
        self._running: list[tuple[float, int]] = []
        self._rng = np.random.default_rng(0)
        self.now_s = self.busy_s = 0.0
        self.ahead = 0
        self.head = 0

    def size(self) -> int:
        return self._size

    def has_room(self) -> bool:
        return len(self._running) < self._size

    def give(self, number: int, task: float) -> None:
        self.now_s += self._cost_s
        self.busy_s += task
        self.ahead = max(self.ahead, number - self.head)
        heapq.heappush(self._running, (self.now_s + task, number))

    def ended(self) -> Iterator[Ended[int]]:
        at, number = heapq.heappop(self._running)
        self.now_s = max(self.now_s, at)
        yield Ended(number, () if self._rng.random() < self._lost else (number,))


def share_busy(workers: int, cost_s: float, tasks: int, lost: float = 0.0) -> float:
    """The share of their time that workers are at work; a task takes 2 s at the median, some take ten times that."""
    times = np.random.default_rng(1).lognormal(np.log(2), 0.8, tasks)
    pool = SimulatedPool(workers, cost_s, lost)
    for number in in_order(map(float, times), pool):
        pool.head = number + 1
    assert pool.ahead <= 32 * workers
    return pool.busy_s / (workers * pool.now_s)


@pytest.mark.parametrize("workers", [16, 160, 1600])
def test_workers_are_kept_busy_though_results_come_in_order(workers: int) -> None:
    assert share_busy(workers, 0.0, 100 * workers) > 0.85
    assert share_busy(workers, 0.0, 100 * workers, lost=0.001) > 0.85


def test_one_coordinator_feeds_as_many_as_its_time_allows() -> None:
    # A task is 2.75 s of work in the mean: at 5 ms each, 550 workers are all that can be fed.
    assert share_busy(160, 0.005, 16_000) > 0.85
    assert 0.25 < share_busy(1_600, 0.005, 48_000) < 0.4
