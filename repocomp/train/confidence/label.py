"""Answers held against the truth: what confidence is fitted to.

For each cursor of a repository the pack answers as users get it, and the answer is judged. A row keeps figures of the
answer and verdicts on it, no text. What is in the output is not asked again: a run can be stopped and resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from repocomp.complete.cursor_kind import CURSOR_KINDS
from repocomp.complete.parts import Parts
from repocomp.evaluate.counterfactual import answer
from repocomp.evaluate.cursors import sample_cursors
from repocomp.evaluate.holes import Hole, texts_of
from repocomp.evaluate.silence import is_kept
from repocomp.executor.executor import Executor, Shared
from repocomp.executor.journal import Journal
from repocomp.executor.workers import InProcess
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.languages.formats import language_in
from repocomp.model.library import folder_of
from repocomp.progress import OnProgress, ignore
from repocomp.store.index.reader import IndexReader
from repocomp.train.lm.label import MAX_NEW_TOKENS
from repocomp.train.repository import OpenRepository, Repository, Sample, Sent, rows_of

_HOLES_PER_TASK = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer at a cursor: its `figures` (none where it was empty), its edit similarity (0..1), and whether kept."""

    repository: str
    path: str
    start: int
    kind: str
    language: str
    figures: dict[str, float]
    similarity: float
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Judging:
    """The job: answer at cursors by the pack of a folder, `holes_each` a repository in all, and judge the answers."""

    pack: Shared
    holes_each: int
    seed: int

    @contextmanager
    def open(self) -> Iterator[Callable[[Sent], list[Verdict]]]:
        """Read the pack."""
        repository = OpenRepository(partial(_draw, limit=self.holes_each, seed=self.seed))
        yield partial(_verdicts, load(str(self.pack.path())), repository)
        repository.close()


def judge(
    repositories: Sequence[Repository],
    pack: str,
    out: Path,
    *,
    holes_each: int,
    seed: int,
    executor: Executor | None = None,
    progress: OnProgress = ignore,
) -> list[Verdict]:
    """Keep verdicts in `out`, `holes_each` a repository; returns all there are."""
    executor = executor or InProcess()
    job = Judging(executor.share(folder_of(pack)), holes_each, seed)
    sample = Sample(holes_each, seed, _HOLES_PER_TASK)
    for _ in rows_of(job, repositories, sample, Journal(out), executor, progress):
        pass
    return read(out)


def read(path: Path) -> list[Verdict]:
    """All verdicts of a file that `judge` wrote, none without one; a line that a crash has cut short is dropped."""
    return [Verdict(**row) for rows in Journal(path).values() for row in rows]


def _draw(reader: IndexReader, limit: int, seed: int) -> list[Hole]:
    return sample_cursors(texts_of(reader), CURSOR_KINDS, limit, np.random.default_rng(seed))


def _verdicts(loaded: LocalGenerator, repository: OpenRepository, task: Sent) -> list[Verdict]:
    holes, retriever = repository.holes(task)
    parts = Parts(loaded, loaded, retriever)
    return [_verdict(task.name, hole, parts) for hole in holes]


def _verdict(repository: str, hole: Hole, parts: Parts) -> Verdict:
    attempt = answer(hole, parts, MAX_NEW_TOKENS)
    return Verdict(
        repository=repository,
        path=hole.document.path,
        start=hole.start,
        kind=hole.kind,
        language=language_in(hole.document.path, hole.document.data),
        figures=attempt.completion.figures,
        similarity=round(attempt.similarity, 4),
        is_kept=is_kept(attempt.text, hole.answer.replace("\r\n", "\n")),
    )
