"""Processes of this machine as workers. One that is killed takes the others along, and all are started anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Generic, TypeVar

from repocomp.executor.executor import Copy, Job, Local
from repocomp.executor.ordered import Ended, in_order
from repocomp.worker_pool import WorkerPool, safe_start

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Processes:
    """So many processes of this machine."""

    jobs: int

    def share(self, path: Path, copy: Copy | None = None) -> Local:
        """The path itself."""
        return Local(path)

    @contextmanager
    def run(self, job: Job[T, R]) -> Iterator[Callable[[Iterable[T]], Iterator[R]]]:
        """Start the processes; they end with the block."""
        pool = _Pool[T, R](self.jobs, job)
        try:
            yield partial(in_order, pool=pool)
        finally:
            pool.close()


class _Pool(Generic[T, R]):
    """As many tasks are in flight as there are processes: each is done at once, and what is lost is little."""

    def __init__(self, jobs: int, job: Job[T, R]) -> None:
        self._jobs, self._job = jobs, job
        self._flying: dict[Future[R], int] = {}
        self._pool = self._started()

    def size(self) -> int:
        """The number of processes."""
        return self._jobs

    def has_room(self) -> bool:
        """Whether a process waits."""
        return len(self._flying) < self._jobs

    def give(self, number: int, task: T) -> None:
        """Submit a task."""
        try:
            future: Future[R] = self._pool.submit(_do, task)
        except BrokenProcessPool as error:
            # Seen here before it was waited for: lost like those that are in flight.
            future = Future()
            future.set_exception(error)
        self._flying[future] = number

    def ended(self) -> Iterable[Ended[R]]:
        """Wait for the first that ends."""
        ready = wait(self._flying, return_when=FIRST_COMPLETED).done
        if any(isinstance(future.exception(), BrokenProcessPool) for future in ready):
            # All that are in flight end so, now or in a moment.
            ready = wait(self._flying).done
            self.close()
            self._pool = self._started()
        for future in ready:
            number = self._flying.pop(future)
            is_lost = isinstance(future.exception(), BrokenProcessPool)
            yield Ended(number, () if is_lost else (future.result(),))

    def close(self) -> None:
        """End the processes; what waits is not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _started(self) -> WorkerPool:
        with safe_start():
            shares: SimpleQueue[list[int]] = get_context("spawn").SimpleQueue()
        for share in _shares(self._jobs):
            shares.put(share)
        return WorkerPool(self._jobs, _begin, (shares, self._job))


_job: Job[Any, Any] | None = None
_opened: Callable[[Any], Any] | None = None


def _begin(shares: SimpleQueue[list[int]], job: Job[Any, Any]) -> None:
    """Remember the job in a new process, on processors of its own where the system lets one choose."""
    global _job
    if (share := shares.get()) and sys.platform == "linux":
        os.sched_setaffinity(0, share)
    _job = job


def _do(task: Any) -> Any:  # noqa: ANN401  (whatever the job takes and gives)
    """Do a task; the first one opens the job, so that what is raised then is raised for whoever waits."""
    global _opened
    if _opened is None:
        if _job is None:
            raise RuntimeError("this process has not begun")
        context = _job.open()
        _opened = context.__enter__()
        Finalize(None, context.__exit__, (None, None, None), exitpriority=10)
    return _opened(task)


def _shares(jobs: int) -> list[list[int]]:
    """Processors for each of so many processes; none for any where there are too few."""
    own = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    return [own[number::jobs] for number in range(jobs)] if len(own) >= jobs else [[] for _ in range(jobs)]
