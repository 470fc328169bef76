"""Workers on a Ray cluster, one for each of its processors. The only module that knows Ray.

Workers are actors that are asked for one task at a time; one that dies, alone or with its node, is replaced where there
is room. What tasks carry is small. Files reach a node once, in pieces, read on this machine by an actor that stays on
it, and are kept in the node's cache: whatever their size, the object store holds a piece for each worker at most.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

from repocomp import __version__, directories
from repocomp.errors import WorkerError
from repocomp.executor.executor import Copy, Job
from repocomp.executor.ordered import Ended, in_order
from repocomp.process import PACKAGE_HOME, secure_imports
from repocomp.store.connect import lock

T = TypeVar("T")
R = TypeVar("R")

PIECE_BYTES = 4 << 20
PATIENCE_S = 120.0
"""Without any worker for so long, a run ends."""
_ADDRESS = re.compile(r"[\w.\[\]:-]+:[0-9]+", re.ASCII)
_POLL_S = 5.0
_FETCH_MS = 3_600_000
_KEPT_S = 7 * 86_400
_KEPT_BYTES = 20 << 30
"""What a node was sent stays in its cache for so long after it was last asked for, the newest of it up to so much."""


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
        # Workers import from the working directory of whoever connects, which is none of ours.
        with contextlib.chdir(PACKAGE_HOME):
            ray.init(address=address, log_to_driver=False, configure_logging=False, namespace="repocomp")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise WorkerError(f"there is no Ray cluster at {address!r}", "ray start --head, or name its address") from error
    try:
        with TemporaryDirectory() as spool:
            yield RayCluster(ray, Path(spool))
    finally:
        ray.shutdown()


class RayCluster:
    """As many workers as the cluster has processors when a job begins."""

    def __init__(self, ray: Any, spool: Path) -> None:  # noqa: ANN401  (the library need not be there)
        self._ray, self._spool = ray, spool
        self._known: dict[Path, Sent] = {}
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
        self._reader = ray.remote(Reader).options(**options).remote()

    def share(self, path: Path, copy: Copy | None = None) -> Sent:
        """What workers fetch once a node. It is digested now, so that what they get is what was here."""
        if copy is not None:
            where = self._spool / str(len(self._known))
            copy(path, where)
        else:
            where = path
        if where not in self._known:
            self._known[where] = Sent.of(where, self._reader)
        return self._known[where]

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


class Reader:
    """An actor: reads pieces of the files of its machine."""

    def __init__(self) -> None:
        secure_imports()
        self._sent_bytes = 0

    def piece(self, path: str, offset: int) -> bytes:
        """At most `PIECE_BYTES` from there on."""
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(PIECE_BYTES)
        self._sent_bytes += len(data)
        return data

    def sent_bytes(self) -> int:
        """How much was read in all."""
        return self._sent_bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """A file or folder `where` it lies for the `reader`; `files` are relative names with sizes, "" the file itself."""

    where: str
    digest: str
    files: tuple[tuple[str, int], ...]
    reader: Any

    @classmethod
    def of(cls, path: Path, reader: Any) -> Sent:  # noqa: ANN401  (an actor)
        """Digest names and contents of the regular files at `path`."""
        found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        files = tuple(("" if one == path else one.relative_to(path).as_posix(), one.stat().st_size) for one in found)
        return cls(str(path), _digest(path, files), files, reader)

    def path(self) -> Path:
        """Where it lies on this node, fetched if need be. Raises WorkerError where other bytes came than were here."""
        depot = directories.cache() / "sent"
        target = depot / self.digest
        with lock(depot / f"{self.digest}.lock", wait_ms=_FETCH_MS):
            if not target.exists():
                _sweep(depot)
                self._fetch(target)
            os.utime(target)
        return target

    def _fetch(self, target: Path) -> None:
        import ray

        with TemporaryDirectory(dir=target.parent) as folder:
            fresh = Path(folder) / "fresh"
            for name, size in self.files:
                file = fresh / name if name else fresh
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                    for offset in range(0, size, PIECE_BYTES):
                        stream.write(ray.get(self.reader.piece.remote(os.path.join(self.where, name), offset)))
            if _digest(fresh, self.files) != self.digest:
                raise WorkerError(f"{self.where}: has changed while it was sent", "run it again")
            fresh.replace(target)


def _digest(path: Path, files: Iterable[tuple[str, int]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, size in files:
        digest.update(f"{name}\0{size}\0".encode(errors="surrogateescape"))
        with open(path / name if name else path, "rb") as file:
            while data := file.read(PIECE_BYTES):
                digest.update(data)
    return digest.hexdigest()


def _sweep(depot: Path) -> None:
    """Remove what was not asked for lately. Whoever has it open can go on reading."""
    kept = 0
    for old in sorted(depot.iterdir(), key=lambda one: -one.stat().st_mtime):
        files = [old, *old.rglob("*")] if old.is_dir() else [old]
        kept += sum(file.stat().st_size for file in files)
        if time.time() - old.stat().st_mtime > _KEPT_S or kept > _KEPT_BYTES:
            with contextlib.suppress(OSError):
                shutil.rmtree(old) if old.is_dir() else old.unlink()


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

    folder = directories.cache() / "sent"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        except self._ray.exceptions.RayError:
            self._start()
            found: tuple[R, ...] = ()
        else:
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
