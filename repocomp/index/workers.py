"""Parsing in worker processes, or at once in this one where a single worker is enough."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Thread

from repocomp.index.read import Content, read
from repocomp.worker_pool import WorkerPool

Submit = Callable[[list[tuple[str, bytes]]], "Future[list[Content]]"]
"""Takes (path, bytes) pairs and promises what an index holds of them."""


def read_batch(files: list[tuple[str, bytes]]) -> list[Content]:
    """Parse a batch; runs in a worker."""
    return [read(path, data) for path, data in files]


@contextmanager
def pool(workers: int) -> Iterator[Submit]:
    """A way to parse batches: in worker processes, or at once in this one when a single worker is enough."""
    if workers <= 1:
        yield _at_once
        return
    with WorkerPool(workers, _end_with_parent) as executor:
        try:
            yield lambda files: executor.submit(read_batch, files)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """Have this worker end when its parent was killed: it would wait for work for ever."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def _at_once(files: list[tuple[str, bytes]]) -> Future[list[Content]]:
    future: Future[list[Content]] = Future()
    future.set_result(read_batch(files))
    return future
