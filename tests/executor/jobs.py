"""Small jobs that workers can be given: one that counts, one whose workers are killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repocomp.errors import TrainError
from repocomp.executor.executor import Shared


@dataclass(frozen=True)
class Squares:
    """Says each number's square and who found it; begins and ends with a line in the file `log`."""

    log: Path

    @contextmanager
    def open(self) -> Iterator[Callable[[int], tuple[int, int]]]:
        self._note("open")
        yield self._square
        self._note("close")

    def _square(self, number: int) -> tuple[int, int]:
        if number < 0:
            raise TrainError(f"{number} is negative", "ask for another")
        return number * number, os.getpid()

    def _note(self, word: str) -> None:
        with self.log.open("a") as stream:
            stream.write(f"{word} {os.getpid()}\n")


@dataclass(frozen=True)
class Deadly:
    """Kills the worker that is given one of `killers`, so many `times` each; counts in the folder `tombs`."""

    tombs: Path
    killers: tuple[int, ...] = (3,)
    times: int = 1

    @contextmanager
    def open(self) -> Iterator[Callable[[int], int]]:
        yield self._do

    def _do(self, number: int) -> int:
        if number in self.killers:
            for at in range(self.times):
                try:
                    (self.tombs / f"{number}-{at}").touch(exist_ok=False)
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)
        return number


@dataclass(frozen=True)
class Reading:
    """Reads a shared file: each task is an offset, each result a byte."""

    shared: Shared

    @contextmanager
    def open(self) -> Iterator[Callable[[int], int]]:
        data = self.shared.path().read_bytes()
        yield lambda at: data[at]


@dataclass(frozen=True)
class Slow:
    """Takes a fifth of a second for a number, and gives it back."""

    @contextmanager
    def open(self) -> Iterator[Callable[[int], int]]:
        yield self._do

    def _do(self, number: int) -> int:
        time.sleep(0.2)
        return number


@dataclass(frozen=True)
class Meeting:
    """Waits at each task until a second worker is at one, which each notes in the `folder`; says who did it."""

    folder: Path
    patience_s: float = 60.0

    @contextmanager
    def open(self) -> Iterator[Callable[[int], int]]:
        yield self._do

    def _do(self, number: int) -> int:
        (self.folder / str(os.getpid())).touch()
        end = time.monotonic() + self.patience_s
        while len(os.listdir(self.folder)) < 2:
            assert time.monotonic() < end, "nobody else came"
            time.sleep(0.02)
        return os.getpid()


@dataclass(frozen=True)
class Looking:
    """Says where a worker imports from, and where it is."""

    @contextmanager
    def open(self) -> Iterator[Callable[[int], list[str]]]:
        yield lambda _: [*sys.path, os.getcwd()]


@dataclass(frozen=True)
class StillBorn:
    """Ends the worker that opens it."""

    @contextmanager
    def open(self) -> Iterator[Callable[[int], int]]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield lambda number: number
