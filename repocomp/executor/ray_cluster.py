"""Workers on a Ray cluster, one for each of its processors. This module and `delivery` alone know Ray.

Workers are actors that are asked for one task at a time; one that dies, alone or with its node, is replaced where there
is room. What tasks carry is small; files are delivered (`delivery.py`).
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

from repocomp import __version__
from repocomp.errors import WorkerError
from repocomp.executor.delivery import Delivered, Reader, depot
from repocomp.executor.executor import Copy, Job
from repocomp.executor.ordered import Ended, in_order
from repocomp.process import PACKAGE_HOME, secure_imports

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_S, MOST_FAILED_STARTS = 120.0, 10
"""Without any worker for so long, or after so many in a row that ended before they were ready, a run ends."""
_ADDRESS = re.compile(r"[\w.\[\]:-]+:[0-9]+", re.ASCII)
_POLL_S, _KNOCK_S = 5.0, 5.0


@contextmanager
def connected(address: str) -> Iterator[RayCluster]:
    """The Ray cluster at `address`; "auto": the one this machine belongs to. Raises WorkerError."""
    try:
        import ray
    except ImportError as error:
        raise WorkerError("--cluster needs Ray", "pip install 'repocomp[cluster]'") from error
    if address != "auto" and not _ADDRESS.fullmatch(address):
        hint = "run this on a machine of the cluster, with --cluster auto"
        raise WorkerError(f"{address!r} is not auto or HOST:PORT: files are sent from a machine of the cluster", hint)
    secure_imports()
    try:
        _knock(address)
        # Workers import from the working directory of whoever connects, which is none of ours.
        with contextlib.chdir(PACKAGE_HOME):
            ray.init(address=address, log_to_driver=False, configure_logging=False, namespace="repocomp")
    except (OSError, RuntimeError, ValueError) as error:
        raise WorkerError(f"there is no Ray cluster at {address!r}", "ray start --head, or name its address") from error
    try:
        with TemporaryDirectory() as spool:
            yield RayCluster(ray, Path(spool))
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would go on trying for minutes."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()


class RayCluster:
    """As many workers as the cluster has processors when a job begins."""

    def __init__(self, ray: Any, spool: Path) -> None:  # noqa: ANN401  (the library need not be there)
        self._ray, self._spool = ray, spool
        self._known: dict[Path, Delivered] = {}
        self._copies = 0
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
        self._reader = ray.remote(Reader).options(**options).remote()

    def share(self, path: Path, copy: Copy | None = None) -> Delivered:
        """What workers fetch once a node. It is digested now, so that what they get is what was here."""
        if copy is not None:
            (self._spool / str(self._copies)).unlink(missing_ok=True)
            self._copies += 1
            copy(path, self._spool / str(self._copies))
            return Delivered.of(self._spool / str(self._copies), self._reader)
        if path not in self._known:
            self._known[path] = Delivered.of(path, self._reader)
        return self._known[path]

    @contextmanager
    def run(self, job: Job[T, R]) -> Iterator[Callable[[Iterable[T]], Iterator[R]]]:
        """Start the workers; they end with the block."""
        pool = _Pool[T, R](self._ray, job)
        try:
            yield partial(in_order, pool=pool)
        finally:
            pool.close()

    def sent_bytes(self) -> int:
        """How much was read to be sent to nodes so far."""
        sent: int = self._ray.get(self._reader.sent_bytes.remote())
        return sent


class Worker:
    """An actor: does tasks of one job, on a processor of its own."""

    def __init__(self, job: Job[Any, Any], version: str) -> None:
        secure_imports()
        self._job, self._version = job, version
        self._do: Callable[[Any], Any] | None = None
        self._core: Any = None

    def open(self) -> None:
        """Open the job. Raises WorkerError where this node has another version."""
        if self._version != __version__:
            message = f"a node of the cluster has repocomp {__version__}, this machine {self._version}"
            raise WorkerError(message, f"pip install 'repocomp[cluster]=={self._version}' on each node")
        self._core = _own_core()
        self._context = self._job.open()
        self._do = self._context.__enter__()

    def do(self, task: Any) -> Any:  # noqa: ANN401  (whatever the job takes and gives)
        """Do a task."""
        if self._do is None:
            raise RuntimeError("this worker was not opened")
        return self._do(task)

    def close(self) -> None:
        """Leave the job."""
        if self._do is not None:
            self._context.__exit__(None, None, None)


def _own_core() -> object:
    """Keep to a processor that no other worker of this machine has, until this process ends; None where none is left.

    Otherwise each would start threads for all of them.
    """
    if sys.platform != "linux":
        return None
    import fcntl

    folder = depot()
    for core in sorted(os.sched_getaffinity(0)):
        file = open(folder / f"core-{core}.lock", "wb")  # noqa: SIM115  (held as long as the process lives)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
        else:
            os.sched_setaffinity(0, {core})
            return file
    return None


class _Pool(Generic[T, R]):
    """Actors: those that are `starting`, that wait (`idle`), and that do a task, by what Ray calls their answer."""

    def __init__(self, ray: Any, job: Job[T, R]) -> None:  # noqa: ANN401  (the library need not be there)
        self._ray = ray
        self._job = ray.put(job)
        self._actor = ray.remote(Worker)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, int]] = {}
        self._last_seen = time.monotonic()
        self._failed_starts = 0
        for _ in range(max(1, int(ray.cluster_resources().get("CPU", 0)))):
            self._start()

    def size(self) -> int:
        """All workers, those that are starting too."""
        return max(1, len(self._starting) + len(self._idle) + len(self._busy))

    def has_room(self) -> bool:
        """Whether a worker waits."""
        return bool(self._idle)

    def give(self, number: int, task: T) -> None:
        """Ask a worker that waits."""
        actor = self._idle.pop()
        self._busy[actor.do.remote(task)] = actor, number

    def ended(self) -> Iterable[Ended[R]]:
        """Wait for a worker that is ready, or a task that ended."""
        pending = [*self._starting, *self._busy]
        ready, _ = self._ray.wait(pending, num_returns=1, timeout=_POLL_S)
        if self._busy or self._idle or ready:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > PATIENCE_S:
            raise WorkerError(f"the cluster had no worker for {PATIENCE_S:.0f} s", "ray status")
        for answer in ready:
            yield from self._heard(answer)

    def _heard(self, answer: Any) -> Iterator[Ended[R]]:  # noqa: ANN401  (a reference)
        actor, number = self._busy.pop(answer, (None, -1))
        is_new = actor is None
        actor = self._starting.pop(answer) if is_new else actor
        try:
            result = self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            self._failed_starts += is_new
            if self._failed_starts > MOST_FAILED_STARTS:
                hint = f"see that each node has repocomp {__version__}: pip install 'repocomp[cluster]=={__version__}'"
                raise WorkerError("the workers of the cluster end before they are ready", hint) from error
            self._start()
            found: tuple[R, ...] = ()
        else:
            self._failed_starts = 0
            self._idle.append(actor)
            found = (result,)
        if not is_new:
            yield Ended(number, found)

    def close(self) -> None:
        """End the workers; those that are idle leave the job first."""
        left = [actor.close.remote() for actor in self._idle]
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.wait(left, num_returns=len(left), timeout=_POLL_S) if left else None
        for actor in [*self._starting.values(), *self._idle, *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)

    def _start(self) -> None:
        """A worker that will be given tasks once it is ready, which may be never."""
        actor = self._actor.options(num_cpus=1).remote(self._job, __version__)
        self._starting[actor.open.remote()] = actor
