"""Self-supervised labels: does retrieval help here? Asked of the pack itself, on real code.

For each hole the generator answers without and with cross-file context (Repoformer, section 3.3); the label is
whether the edit similarity rose. An example keeps the ids of both prompts and of the true middle, so tuning needs
neither index nor text. Repositories already in the output are not asked again: a run can be stopped and resumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from repocomp.complete.parts import IndexRetriever, Parts
from repocomp.evaluate.counterfactual import Outcome, compare
from repocomp.evaluate.holes import KINDS, Hole, sample, sources_of
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.index.build import build_from
from repocomp.model.pack import MODES, Calibration
from repocomp.named_files import read_regular
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.prompt.repocomp import prompt_format
from repocomp.store.index.reader import IndexReader

MAX_NEW_TOKENS = 48
"""Enough for 1 + Poisson(3) lines of the default pack's tokens; longer answers are compared by their start."""


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository of the corpus: its name and its files as (path, bytes)."""

    name: str
    files: Sequence[tuple[str, bytes]]


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


def label(
    repositories: Sequence[Repository],
    pack: str,
    out: Path,
    *,
    holes_each: int,
    seed: int,
    progress: OnProgress = ignore,
    expired: Callable[[], bool] = lambda: False,
) -> int:
    """Append examples to `out` (JSON Lines), `holes_each` a repository, until `expired`; returns how many there are."""
    loaded = _uncalibrated(load(pack))
    done = [example.repository for example in read(out)] if out.exists() else []
    count, known = len(done), set(done)
    with out.open("a", encoding="utf-8") as stream:
        for repository in repositories:
            if expired():
                break
            if repository.name in known:
                continue
            found = takewhile(lambda _: not expired(), outcomes(repository, loaded, holes_each, seed))
            rows = [_example(repository.name, outcome, loaded) for outcome in found]
            stream.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
            stream.flush()
            count += len(rows)
            progress(Progress(count, holes_each * len(repositories), repository.name))
    return count


def read(path: Path) -> list[Example]:
    """All examples of a file written by `label`; a last line cut short by a crash is left out."""
    lines = read_regular(path).decode().split("\n")
    return [Example(**json.loads(line)) for line in lines[:-1]]


def _uncalibrated(loaded: LocalGenerator) -> LocalGenerator:
    """With the model's own probabilities: a calibration fitted to others would stand on the one it replaces."""
    return replace(loaded, pack=replace(loaded.pack, calibration={mode: Calibration() for mode in MODES}))


def outcomes(
    repository: Repository, loaded: LocalGenerator, limit: int, seed: int, max_new_tokens: int = MAX_NEW_TOKENS
) -> Iterator[Outcome]:
    """Index the repository for the while, and complete up to `limit` holes of it without and with retrieval."""
    with cut(repository, limit, seed) as (holes, retriever):
        yield from compare(holes, Parts(loaded, loaded, retriever), max_new_tokens)


@contextmanager
def cut(repository: Repository, limit: int, seed: int) -> Iterator[tuple[list[Hole], IndexRetriever]]:
    """Up to `limit` holes of the repository, and what retrieves for them from an index that lasts as long."""
    with TemporaryDirectory() as folder:
        database = Path(folder) / "index.db"
        build_from(database, repository.files)
        with IndexReader.open_at(database) as reader:
            sources, defined = sources_of(reader)
            yield sample(sources, defined, KINDS, limit, np.random.default_rng(seed)), IndexRetriever(reader)


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
