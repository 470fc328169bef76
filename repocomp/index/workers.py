"""Reading files in worker processes, which end when a file takes them too much time or memory.

Nothing else ends a query of a tree, or a parser that takes gigabytes or hours within a single step: at the end of a
text that never ends its first statement some grammars take both by the square, 15 GB for 60 kB. The file that ended a
worker is read by none: the others of its batch are read again, each by itself.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import parent_process
from threading import Thread

from repocomp.index.read import Content, read
from repocomp.worker_pool import WorkerPool

Files = Sequence[tuple[str, bytes]]
"""Paths and what is in the files."""
Contents = Callable[[], list[Content | None]]
"""Waits for what an index holds of some files, in order; None for one that cannot be read within the limits."""
Submit = Callable[[Files], Contents]

MOST_READING_S = 10.0
"""Processor time for one file. Ordinary ones of the greatest size take a tenth of it."""
_MOST_BYTES = 1 << 30
"""Memory on top of what a worker starts with. Ordinary files of the greatest size take a fifth of it."""
_HARMLESS_BYTES = 1000
"""Too little to take any grammar much: read in this process, where a run has nothing else to read."""


def read_batch(files: Files) -> list[Content]:
    """Read files within the limits, or end this process; runs in a worker."""
    return [_timed(path, data) for path, data in files]


def _timed(path: str, data: bytes) -> Content:
    if hasattr(signal, "setitimer"):
        # Its signal has no handler: it ends the process, whatever code of any library runs.
        signal.setitimer(signal.ITIMER_PROF, MOST_READING_S)
    try:
        return read(path, data)
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def reading(workers: int) -> Iterator[Submit]:
    """A way to read files, in so many worker processes."""
    pool = _Workers(workers)
    try:
        yield pool.submit
    except BaseException:
        pool.end(is_failed=True)
        raise
    pool.end()


class _Workers:
    """A pool that is started when it is first needed, and replaced when a file has ended it."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: WorkerPool | None = None

    def submit(self, files: Files) -> Contents:
        if self._pool is None and all(len(data) <= _HARMLESS_BYTES for _, data in files):
            contents: list[Content | None] = [read(path, data) for path, data in files]
            return lambda: contents
        if self._pool is None:
            self._pool = _start(self._workers)
        try:
            future = self._pool.submit(read_batch, files)
        except BrokenProcessPool:
            self._pool.shutdown()
            self._pool = _start(self._workers)
            future = self._pool.submit(read_batch, files)
        return lambda: self._result(future, files)

    def _result(self, future: Future[list[Content]], files: Files) -> list[Content | None]:
        try:
            return list(future.result())
        except BrokenProcessPool:
            # Which file it was, of this batch or another, only each by itself can tell.
            return self._read_apart(files)

    def _read_apart(self, files: Files) -> list[Content | None]:
        contents: list[Content | None] = []
        pool = _start(1)
        for file in files:
            try:
                contents += pool.submit(read_batch, [file]).result()
            except BrokenProcessPool:
                contents.append(None)
                pool.shutdown()
                pool = _start(1)
        pool.shutdown()
        return contents

    def end(self, *, is_failed: bool = False) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=not is_failed, cancel_futures=is_failed)


def _start(workers: int) -> WorkerPool:
    return WorkerPool(workers, _prepare, may_fork=True)


def _prepare() -> None:
    # What a library says as it dies is nothing that a person could use.
    faulthandler.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _limit_memory()
    _end_with_parent()


def _limit_memory() -> None:
    """Have no more memory than this process has now and `_MOST_BYTES`, where the system counts that."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            data_pages = int(file.read().split()[5])
        most = data_pages * resource.getpagesize() + _MOST_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        # Where it ends so, it is no fault to be kept for a debugger.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent() -> None:
    """Have this worker end when its parent was killed: it would wait for work for ever."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()
