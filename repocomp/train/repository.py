"""Repositories to label: read when they are asked for, sent to workers as one file each, opened there one at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar
from zipfile import ZipFile

from repocomp.complete.parts import IndexRetriever
from repocomp.evaluate.holes import Hole
from repocomp.executor.executor import Executor, Job, Shared
from repocomp.executor.journal import Journal
from repocomp.executor.ordered import until
from repocomp.index.build import build_from, readable
from repocomp.progress import OnProgress, Progress
from repocomp.store.index.reader import IndexReader
from repocomp.train.corpus.collect import read_repository

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R")
Row = TypeVar("Row", bound="DataclassInstance")

_NAMES = "names"
Draw = Callable[[IndexReader], list[Hole]]
"""The holes of an indexed repository; the same ones each time."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's name and its files as (path, bytes); these may be read anew each time they are iterated."""

    name: str
    files: Iterable[tuple[str, bytes]]

    @classmethod
    def of_tree(cls, root: Path) -> Repository:
        """The work tree at `root`, called as its folder: what an index would hold of it."""
        return cls(os.path.basename(os.path.realpath(root)), _Files(partial(readable, root)))

    @classmethod
    def of_corpus(cls, name: str, source: Path) -> Repository:
        """The repository `name` of a corpus, which keeps it in the file `source`."""
        return cls(name, _Files(partial(_in_corpus, source)))


@dataclass(frozen=True, slots=True)
class _Files:
    read: Callable[[], Iterator[tuple[str, bytes]]]

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return self.read()


def _in_corpus(source: Path) -> Iterator[tuple[str, bytes]]:
    for path, text in read_repository(source):
        yield path, text.encode()


@dataclass(frozen=True, slots=True)
class Slice:
    """Some holes of a repository, by their numbers."""

    repository: Repository
    holes: range


@dataclass(frozen=True, slots=True)
class Sent:
    """A slice as a task."""

    name: str
    archive: Shared
    holes: range


@dataclass(frozen=True, slots=True)
class Sample:
    """So many holes of each repository, `holes_per_task` at a time: what a lost worker loses."""

    holes_each: int
    seed: int
    holes_per_task: int

    def slices(self, repositories: Sequence[Repository]) -> dict[str, Slice]:
        """All of them, by a name that they have in every run."""
        return {
            f"{repository.name} {self.seed} {self.holes_each} {start}": Slice(repository, range(start, end))
            for repository in repositories
            for start in range(0, self.holes_each, self.holes_per_task)
            for end in [min(start + self.holes_per_task, self.holes_each)]
        }


def rows_of(
    job: Job[Sent, Sequence[Row]],
    repositories: Sequence[Repository],
    sample: Sample,
    journal: Journal,
    executor: Executor,
    progress: OnProgress,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[dict[str, Any]]:
    """What a job says of the holes of repositories, as JSON has it, until it `is_over`; kept in the journal."""
    tasks = sample.slices(repositories)
    with executor.run(job) as run, _sending(executor, run) as send:

        def said(left: Iterable[Slice]) -> Iterator[list[dict[str, Any]]]:
            return ([asdict(row) for row in rows] for rows in send(until(is_over, left)))

        def show(done: int) -> None:
            progress(Progress(done * sample.holes_per_task, len(tasks) * sample.holes_per_task, "filling holes"))

        for rows in journal.follow(tasks, said, show):
            yield from rows


@contextmanager
def _sending(
    executor: Executor, run: Callable[[Iterable[Sent]], Iterator[R]]
) -> Iterator[Callable[[Iterable[Slice]], Iterator[R]]]:
    """What runs slices where `run` runs them sent; a repository is a file from its first slice to its last result."""
    with TemporaryDirectory() as folder:
        yield partial(_sent, executor, run, Path(folder))


def _sent(
    executor: Executor, run: Callable[[Iterable[Sent]], Iterator[R]], folder: Path, some: Iterable[Slice]
) -> Iterator[R]:
    drawn: list[Repository] = []
    given: list[int] = []

    def tasks() -> Iterator[Sent]:
        for one in some:
            if not drawn or drawn[-1] is not one.repository:
                drawn.append(one.repository)
                _write(folder / str(len(drawn)), one.repository)
                archive = executor.share(folder / str(len(drawn)))
            given.append(len(drawn))
            yield Sent(one.repository.name, archive, one.holes)

    oldest = 1
    for at, result in enumerate(run(tasks())):
        for number in range(oldest, given[at]):
            (folder / str(number)).unlink()
        oldest = given[at]
        yield result


def _write(path: Path, repository: Repository) -> None:
    names = []
    with ZipFile(path, "w") as archive:
        for at, (name, data) in enumerate(repository.files):
            names.append(name)
            archive.writestr(str(at), data)
        archive.writestr(_NAMES, json.dumps(names))


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    with ZipFile(path) as archive:
        for at, name in enumerate(json.loads(archive.read(_NAMES))):
            yield name, archive.read(str(at))


class OpenRepository:
    """The repository that was asked for last, indexed and its holes drawn."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._archive: Path | None = None
        self._open = ExitStack()
        self._found: tuple[list[Hole], IndexRetriever] | None = None

    def holes(self, task: Sent) -> tuple[list[Hole], IndexRetriever]:
        """The holes of a task, fewer where the repository has no more, and what retrieves for them."""
        archive = task.archive.path()
        if self._found is None or self._archive != archive:
            self.close()
            self._archive, self._found = archive, self._open.enter_context(opened(_read(archive), self._draw))
        holes, retriever = self._found
        return holes[task.holes.start : task.holes.stop], retriever

    def close(self) -> None:
        """Remove the index."""
        self._open.close()
        self._found = None


@contextmanager
def opened(files: Iterable[tuple[str, bytes]], draw: Draw) -> Iterator[tuple[list[Hole], IndexRetriever]]:
    """The holes of a repository, and what retrieves for them from an index that lasts as long."""
    with TemporaryDirectory() as folder:
        database = Path(folder) / "index.db"
        build_from(database, files)
        with IndexReader.open_at(database) as reader:
            yield draw(reader), IndexRetriever(reader)
