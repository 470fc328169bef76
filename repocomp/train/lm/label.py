"""Self-supervised labels: does retrieval help here? Asked of the pack itself, on real code.

For each hole the generator answers without and with cross-file context (Repoformer, section 3.3); the label is
whether the edit similarity rose. An example keeps the ids of both prompts and of the true middle, so tuning needs
neither index nor text. What is in the output is not asked again: a run can be stopped and resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from repocomp.complete.parts import Parts
from repocomp.evaluate.counterfactual import Outcome, compare
from repocomp.evaluate.holes import KINDS, Hole, sample, sources_of
from repocomp.executor.executor import Executor, Shared
from repocomp.executor.journal import Journal
from repocomp.executor.workers import InProcess
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.model.library import folder_of
from repocomp.model.pack import MODES, Calibration
from repocomp.progress import OnProgress, ignore
from repocomp.prompt.repocomp import prompt_format
from repocomp.store.index.reader import IndexReader
from repocomp.train.repository import OpenRepository, Repository, Sample, Sent, rows_of

MAX_NEW_TOKENS = 48
"""Enough for 1 + Poisson(3) lines of the default pack's tokens; longer answers are compared by their start."""
_HOLES_PER_TASK = 10
"""Some seconds: what a worker that is lost loses, and what a run that is stopped does again."""


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled place. `shared` ends with `<decide>`, `snippets` is the cross-file context, `middle` the truth.

    `probability` is what the labelling model said itself, not calibrated; `without` and `retrieved` are edit
    similarities in 0..1.
    """

    repository: str
    path: str
    kind: str
    mode: str
    shared: list[int]
    snippets: list[int]
    middle: list[int]
    probability: float
    without: float
    retrieved: float

    @property
    def helped(self) -> bool:
        """The label."""
        return self.retrieved > self.without


@dataclass(frozen=True, slots=True)
class Labelling:
    """The job: complete holes without and with retrieval by the pack of a folder, `holes_each` a repository in all."""

    pack: Shared
    holes_each: int
    seed: int

    @contextmanager
    def open(self) -> Iterator[Callable[[Sent], list[Example]]]:
        """Read the pack."""
        repository = OpenRepository(partial(draw, limit=self.holes_each, seed=self.seed))
        yield partial(_examples, _uncalibrated(load(str(self.pack.path()))), repository)
        repository.close()


def label(
    repositories: Sequence[Repository],
    pack: str,
    out: Path,
    *,
    holes_each: int,
    seed: int,
    executor: Executor | None = None,
    progress: OnProgress = ignore,
    expired: Callable[[], bool] = lambda: False,
) -> int:
    """Keep examples in `out`, `holes_each` a repository, until `expired`; returns how many there are."""
    executor = executor or InProcess()
    job = Labelling(executor.share(folder_of(pack)), holes_each, seed)
    sample = Sample(holes_each, seed, _HOLES_PER_TASK)
    journal = Journal(out)
    for _ in rows_of(job, repositories, sample, journal, executor, progress, expired):
        pass
    return sum(map(len, journal.values()))


def read(path: Path) -> list[Example]:
    """All examples of a file written by `label`; a last line cut short by a crash is left out."""
    return [Example(**row) for rows in Journal(path).values() for row in rows]


def _uncalibrated(loaded: LocalGenerator) -> LocalGenerator:
    """With the model's own probabilities: a calibration fitted to others would stand on the one it replaces."""
    return replace(loaded, pack=replace(loaded.pack, calibration={mode: Calibration() for mode in MODES}))


def draw(reader: IndexReader, limit: int, seed: int) -> list[Hole]:
    """Up to `limit` holes of a repository, of the kinds that papers report."""
    sources, defined = sources_of(reader)
    return sample(sources, defined, KINDS, limit, np.random.default_rng(seed))


def _examples(loaded: LocalGenerator, repository: OpenRepository, task: Sent) -> list[Example]:
    holes, retriever = repository.holes(task)
    found = compare(holes, Parts(loaded, loaded, retriever), MAX_NEW_TOKENS)
    return [_example(task.name, outcome, loaded) for outcome in found]


def _example(repository: str, outcome: Outcome, loaded: LocalGenerator) -> Example:
    document = outcome.hole.opened
    window = loaded.window(document, document.at_offset(outcome.hole.start))
    snippets = loaded.fit(outcome.found, loaded.snippet_tokens)
    return Example(
        repository=repository,
        path=document.path,
        kind=outcome.hole.kind,
        mode=outcome.hole.mode,
        shared=prompt_format(loaded.pack, loaded.tokenizer.encode).shared(window),
        snippets=[token for snippet in snippets for token in snippet.ids],
        middle=loaded.spell(window, outcome.hole.answer),
        probability=outcome.probability,
        without=outcome.without.similarity,
        retrieved=outcome.retrieved.similarity,
    )
