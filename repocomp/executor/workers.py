"""Who does the work: this process, several, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from repocomp.executor.executor import Copy, Executor, Job, Local

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Workers:
    """How work is to be run: in so many `jobs`, processes of this machine, or on a `cluster` (an address or "auto")."""

    jobs: int = 1
    cluster: str | None = None

    @contextmanager
    def executor(self) -> Iterator[Executor]:
        """The executor that does so. Raises WorkerError for a cluster that cannot be had."""
        if self.cluster is not None:
            from repocomp.executor.ray_cluster import connected

            with connected(self.cluster) as cluster:
                yield cluster
        elif self.jobs == 1:
            yield InProcess()
        else:
            from repocomp.executor.processes import Processes

            yield Processes(self.jobs)


HERE = Workers()
"""This process alone."""


class InProcess:
    """Everything in this process, one task after the other."""

    def share(self, path: Path, copy: Copy | None = None) -> Local:
        """The path itself."""
        return Local(path)

    @contextmanager
    def run(self, job: Job[T, R]) -> Iterator[Callable[[Iterable[T]], Iterator[R]]]:
        """Open the job here."""
        with job.open() as do:
            yield lambda tasks: map(do, tasks)
