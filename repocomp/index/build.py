"""Making an index current: look at every file, read what changed, write it a batch at a time.

Each batch is one transaction, so an end at any moment leaves a usable index that the next run completes, and runs side
by side add the same contents under the same digests. Files are parsed in worker processes, large work in several.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from repocomp.index.fitness import unfit
from repocomp.index.history import update_history
from repocomp.index.read import READING, digest_of
from repocomp.index.stat import is_unchanged
from repocomp.index.walk import Found, look, read_file, walk
from repocomp.index.workers import Contents, Submit, reading
from repocomp.index.write import remove_files, tidy, write_batch
from repocomp.progress import OnProgress, Progress
from repocomp.store.connect import Connection
from repocomp.store.index.connect import writing_index
from repocomp.store.index.contents import FileState, KnownFile, known_digests, known_files, known_files_below
from repocomp.store.index.facts import FINISHED, READING_FACT, ROOT, fact, set_fact
from repocomp.store.index.swap import replacing_index
from repocomp.store.paths import index_path
from repocomp.tree import real

_BATCH_BYTES = 1 << 20
_POOL_BYTES = 4 << 20
"""Below this much to read, starting a second worker process costs more than it saves."""
_MAX_JOBS = 8
_COSTLY = "costly"
"""Why a file is left out that takes more time or memory than any that somebody wrote."""


@dataclass(slots=True)
class IndexReport:
    """What a run did. `indexed` files were parsed, `reused` had a content known before, `unchanged` were not read."""

    files: int = 0
    indexed: int = 0
    reused: int = 0
    unchanged: int = 0
    removed: int = 0
    lines: int = 0
    bytes: int = 0
    seconds: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**values, "skipped": dict(self.skipped)}


@dataclass(frozen=True, slots=True)
class _Job:
    """A file that must be read, and where its bytes come from."""

    found: Found
    load: Callable[[], bytes | None]


def build(
    root: Path, *, progress: OnProgress | None = None, jobs: int | None = None, rebuild: bool = False
) -> IndexReport:
    """Bring the index of the work tree at `root` up to date. Raises StoreError; nothing in the tree is written.

    To `rebuild` is to make it from nothing; the index there is can be used until the new one is whole.
    """
    path = index_path(root)
    if not rebuild:
        return _build_at(path, root, progress, jobs)
    with replacing_index(path) as fresh:
        report = _build_at(fresh, root, progress, jobs)
    # What other runs saw meanwhile went into the old index: files that changed are read once more.
    report.seconds += _build_at(path, root, None, 1).seconds
    return report


def _build_at(path: Path, root: Path, progress: OnProgress | None, jobs: int | None) -> IndexReport:
    started = time.monotonic()
    with writing_index(path) as connection:
        workers = jobs or min(_MAX_JOBS, os.cpu_count() or 1)
        known = known_files(connection)
        report = _update(connection, root, walk(root, _public(connection, known)), known, progress, workers)
        update_history(connection, root)
        set_fact(connection, READING_FACT, str(READING))
        set_fact(connection, ROOT, str(real(root)))
        set_fact(connection, FINISHED, str(int(time.time())))
    report.seconds = time.monotonic() - started
    return report


def update(root: Path, paths: Sequence[str]) -> IndexReport:
    """Bring the index up to date for `paths` alone, relative files or folders that came, changed or went.

    For milliseconds: the rest of the tree is not looked at, nor its history. Raises StoreError.
    """
    started = time.monotonic()
    with writing_index(index_path(root)) as connection:
        known = known_files_below(connection, paths)
        report = _update(connection, root, look(root, paths, _public(connection, known)), known, None, 1)
    report.seconds = time.monotonic() - started
    return report


def build_from(path: Path, sources: Iterable[tuple[str, bytes]]) -> IndexReport:
    """Index (path, bytes) pairs that need not lie on a disk into the database at `path`, in one worker."""
    report = IndexReport()
    with writing_index(path) as connection:
        jobs = [_Job(Found(name, len(data), 0), partial(bytes, data)) for name, data in sources]
        _read_all(connection, jobs, report, None, 1)
        tidy(connection)
    return report


def readable(root: Path) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every file below `root` that an index would hold."""
    for found in walk(root):
        if found.skipped is None and (data := read_file(root, found.path)) is not None:
            yield found.path, data


def _update(
    connection: Connection,
    root: Path,
    there: Iterable[Found],
    known: dict[str, KnownFile],
    progress: OnProgress | None,
    workers: int,
) -> IndexReport:
    """Make `known`, what the index says of some paths, agree with what is `there` of them."""
    report = IndexReport()
    reads_alike = _reads_alike(connection)
    changed: list[Found] = []
    for found in there:
        report.files += 1
        before = known.pop(found.path, None)
        if before is not None and reads_alike and is_unchanged(found, before):
            report.unchanged += before.skipped is None
            report.skipped.update([before.skipped] if before.skipped is not None else [])
        else:
            changed.append(found)
    report.removed = len(known)
    remove_files(connection, sorted(known))
    jobs = [_Job(found, partial(read_file, root, found.path)) for found in changed]
    if jobs:
        _read_all(connection, jobs, report, progress, workers)
    if changed or known:
        tidy(connection)
    return report


def _public(connection: Connection, known: Iterable[str]) -> frozenset[str]:
    """The names of `known` files, where a version that reads as we do has looked for secrets in them."""
    return frozenset(known) if _reads_alike(connection) else frozenset()


def _reads_alike(connection: Connection) -> bool:
    """Whether the index was made by a version that reads files as we do."""
    return fact(connection, READING_FACT) == str(READING)


def _read_all(
    connection: Connection, jobs: list[_Job], report: IndexReport, progress: OnProgress | None, workers: int
) -> None:
    """Read, parse and write `jobs`, at most two batches a worker in flight."""
    total = sum(job.found.size for job in jobs if job.found.skipped is None)
    done_bytes = 0
    digests = known_digests(connection)
    unread: set[str] = set()
    with reading(workers if total > _POOL_BYTES else 1) as submit:
        waiting: deque[tuple[list[FileState], Contents]] = deque()
        for batch in _batches(jobs):
            waiting.append(_start(batch, digests, report, submit))
            while len(waiting) > 2 * workers:
                _finish(connection, waiting.popleft(), unread, report)
            done_bytes += sum(job.found.size for job in batch if job.found.skipped is None)
            if progress is not None:
                progress(Progress(done_bytes, total, "indexing"))
        while waiting:
            _finish(connection, waiting.popleft(), unread, report)


def _batches(jobs: list[_Job]) -> Iterator[list[_Job]]:
    batch: list[_Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += job.found.size
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _start(
    batch: list[_Job], digests: set[str], report: IndexReport, submit: Submit
) -> tuple[list[FileState], Contents]:
    """Read the files of a batch and hand those with unknown contents to the workers."""
    states: list[FileState] = []
    fresh: list[tuple[str, bytes]] = []
    for job in batch:
        found, skipped, digest = job.found, job.found.skipped, None
        data = job.load() if skipped is None else None
        if data is None and skipped is None:
            skipped = "unreadable"
        elif data is not None:
            skipped = unfit(data, found.path)
        if data is not None and skipped is None:
            digest = digest_of(found.path, data)
            report.bytes += len(data)
            if digest in digests:
                report.reused += 1
            else:
                digests.add(digest)
                report.indexed += 1
                fresh.append((found.path, data))
        if skipped is not None:
            report.skipped[skipped] += 1
        states.append(FileState(found.path, digest, found.size, found.mtime_ns, skipped, found.stamp))
    return states, submit(fresh) if fresh else list


def _finish(
    connection: Connection, batch: tuple[list[FileState], Contents], unread: set[str], report: IndexReport
) -> None:
    """Write a batch. `unread` has the digests of contents that cannot be read within the limits, from here on too."""
    states, contents = batch[0], batch[1]()
    read = [content for content in contents if content is not None]
    promised = {state.digest for state in states if state.digest is not None}
    report.lines += sum(content.line_count for content in read)
    if len(read) < len(contents):
        unread |= promised - {content.digest for content in read} - known_digests(connection)
    if unread & promised:
        report.indexed -= len(contents) - len(read)
        states = [replace(s, digest=None, skipped=_COSTLY) if s.digest in unread else s for s in states]
        report.skipped[_COSTLY] += sum(state.skipped == _COSTLY for state in states)
    write_batch(connection, read, states, time.time_ns())
