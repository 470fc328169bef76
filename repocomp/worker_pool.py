"""Pools of worker processes, which import nothing from the working directory.

`multiprocessing` starts its workers, and the tracker of their semaphores, as `python -c`: a repository's own
`multiprocessing/` or `signal.py` would run. What keeps it out is the environment in which they start.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar

from repocomp.process import environment, secure_imports

P = ParamSpec("P")
T = TypeVar("T")

_starting = threading.RLock()


class WorkerPool(ProcessPoolExecutor):
    """A pool of fresh interpreters, since forking a process that may run threads is unsafe.

    `may_fork`: what the workers do calls no library that runs threads. Where no other thread of Python runs either they
    are forks of this process, which take a tenth of the time to start.
    """

    def __init__(
        self,
        workers: int,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        may_fork: bool = False,
    ) -> None:
        # Workers take over the path of this process.
        secure_imports()
        # Elsewhere even the system's own libraries do not outlive a fork.
        is_fork = may_fork and sys.platform == "linux" and threading.active_count() == 1
        with safe_start():
            super().__init__(workers, get_context("fork" if is_fork else "spawn"), initializer, initargs)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As in any executor; it is here that workers start."""
        with safe_start(), _uninterrupted():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hear Ctrl-C only afterwards: a worker that is interrupted while it starts prints a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def safe_start() -> Iterator[None]:
    """Have the environment of this process as `environment` cleans it, while something of `multiprocessing` is made."""
    with _starting:
        before, clean = dict(os.environ), environment()
        changed = {name for name in before.keys() | clean.keys() if before.get(name) != clean.get(name)}
        try:
            _set(changed, clean)
            yield
        finally:
            _set(changed, before)


def _set(names: set[str], values: dict[str, str]) -> None:
    for name in names:
        if name in values:
            os.environ[name] = values[name]
        else:
            os.environ.pop(name, None)
