"""One job on many tasks: what every way to run them has in common.

A job is opened once in each worker, which is when models are read; tasks and results are small values that can be
pickled. Results come in the order of the tasks and are the same whatever the number of workers, but for times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Task = TypeVar("Task", contravariant=True)
Result = TypeVar("Result", covariant=True)

Copy = Callable[[Path, Path], object]
"""Copies a file that others may be writing to a place of its own."""


class Job(Protocol[Task, Result]):
    """What workers do; a small value that can be pickled."""

    def open(self) -> AbstractContextManager[Callable[[Task], Result]]:
        """Get ready, in a worker; it is left when there is nothing more to do."""
        ...


class Shared(Protocol):
    """A file or folder of this machine, as jobs and tasks carry it: a small value that can be pickled."""

    def path(self) -> Path:
        """Where it lies for the worker that asks. To be read only."""
        ...


class Executor(Protocol):
    """A way to run jobs."""

    def share(self, path: Path, copy: Copy | None = None) -> Shared:
        """Let workers read a file or folder, which stays as it is while a job runs.

        Of one that does not, `copy` makes a copy, which lasts until the next copy is made.
        """
        ...

    def run(self, job: Job[T, R]) -> AbstractContextManager[Callable[[Iterable[T]], Iterator[R]]]:
        """Workers for a job: what they are given tasks with, whose results come in order. What a task raises is raised.

        Raises WorkerError where a task ends several workers one after the other, or there are no workers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """What lies where it lies: workers are on this machine."""

    where: Path

    def path(self) -> Path:
        """As it was given."""
        return self.where
