"""Tasks to workers that may be lost, results back in the order of the tasks.

No more than so many tasks for each worker are ahead of the first result that is missing, so that memory is bounded
however many tasks there are. What a lost worker was doing is done again by another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Generic, Protocol, TypeVar

from repocomp.errors import WorkerError

T = TypeVar("T")
R = TypeVar("R")
Task = TypeVar("Task", contravariant=True)

MOST_LOSSES = 3
"""A task that was lost so often is taken to be what ends its workers."""
_AHEAD = 32
"""Tasks for each worker. The more there are, the longer takes the slowest: with 4, a simulated 1,600 workers are busy
for 32 % of their time, with 8 for 54 %, with 16 for 83 %, with 32 for 93 % (`tests/executor/test_scaling.py`)."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[R]):
    """A task that ended: its results, none where its worker was lost."""

    number: int
    results: Sequence[R]


class Pool(Protocol[Task, R]):
    """Workers, each of which does one task at a time."""

    def size(self) -> int:
        """How many workers there are, or soon will be; at least 1."""
        ...

    def has_room(self) -> bool:
        """Whether a worker waits for a task."""
        ...

    def give(self, number: int, task: Task) -> None:
        """Let a worker that waits do a task."""
        ...

    def ended(self) -> Iterable[Ended[R]]:
        """The tasks that ended since; waits until something happened. What a task raised is raised."""
        ...


def in_order(tasks: Iterable[T], pool: Pool[T, R]) -> Iterator[R]:
    """The results of `tasks`. Raises WorkerError when a task is lost `MOST_LOSSES` times."""
    new = iter(tasks)
    given: dict[int, T] = {}
    waiting: list[int] = []
    done: dict[int, R] = {}
    losses = Counter[int]()
    head = drawn = 0
    while True:
        # A task is drawn when a worker is there for it, or the first one so that its worker is waited for.
        while waiting or ((pool.has_room() or not given) and drawn < head + _AHEAD * pool.size()):
            if not waiting:
                one = list(islice(new, 1))
                if not one:
                    break
                given[drawn] = one[0]
                waiting.append(drawn)
                drawn += 1
            if not pool.has_room():
                break
            pool.give(waiting[0], given[waiting.pop(0)])
        if head in done:
            yield done.pop(head)
            head += 1
        elif not given:
            return
        else:
            for ended in pool.ended():
                if ended.results:
                    done[ended.number] = ended.results[0]
                    del given[ended.number]
                else:
                    losses[ended.number] += 1
                    _check(losses[ended.number])
                    waiting = sorted([*waiting, ended.number])


def until(is_over: Callable[[], bool], tasks: Iterable[T]) -> Iterator[T]:
    """The tasks that are drawn before it `is_over`."""
    return takewhile(lambda _: not is_over(), tasks)


def _check(losses: int) -> None:
    if losses == MOST_LOSSES:
        hint = "look at the memory of the machines; what was done is kept: run it again to go on"
        raise WorkerError(f"a task was given to {MOST_LOSSES} workers, and each of them ended", hint)
