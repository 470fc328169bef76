"""Drafts by each action, held against the truth: what a pairing is fitted to.

For each hole the small pack drafts, and the generator writes three times: without what was retrieved, having read of it
what it reads beside a first draft, and having read all that it reads alone. A row keeps figures of the drafts and
verdicts on them, no text. Holes that were tried before are not tried again: a run can be stopped and resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from repocomp.budget import UNLIMITED
from repocomp.complete.beside import alike
from repocomp.complete.cursor_kind import CURSOR_KINDS
from repocomp.complete.draft import Draft
from repocomp.complete.drafting import first_writer, nearby
from repocomp.complete.parts import Parts, Retriever, tokens_beside
from repocomp.complete.place import Place
from repocomp.complete.reading import reading_figures
from repocomp.complete.retrieval import retrieve_context
from repocomp.complete.writer import Writer
from repocomp.errors import TrainError
from repocomp.evaluate.counterfactual import BlindRetriever, forget
from repocomp.evaluate.cursors import sample_cursors
from repocomp.evaluate.holes import Hole, HoleKind, sample, sources_of, texts_of
from repocomp.evaluate.metrics import edit_similarity, exact_match
from repocomp.evaluate.silence import is_kept
from repocomp.executor.executor import Executor, Shared
from repocomp.executor.journal import Journal
from repocomp.executor.workers import InProcess
from repocomp.generate.backends import is_pack, open_generator
from repocomp.generate.generator import Generator
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.model.library import folder_of
from repocomp.model.pairing import Author
from repocomp.policy.decide import Decision
from repocomp.progress import OnProgress, ignore
from repocomp.prompt.snippets import Snippet
from repocomp.request import CompletionOptions
from repocomp.store.index.reader import IndexReader
from repocomp.train.lm.label import MAX_NEW_TOKENS
from repocomp.train.repository import OpenRepository, Repository, Sample, Sent, rows_of

_PUBLISHED: tuple[HoleKind, ...] = ("api", "crossfile", "midline", "crossfile", "line", "crossfile")
_PUBLISHED_SHARE = 2
"""One hole in so many is of the kinds that papers report, half of those where another file has to be read; the others
are where people put cursors."""
_HOLES_PER_TASK = 5
"""With half a billion parameters, half a minute."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A draft: its `figures` (none where it was empty), edit similarity (0..1), exact or not, kept or not, and ms."""

    figures: dict[str, float]
    similarity: float
    is_exact: bool
    is_kept: bool
    ms: float

    @classmethod
    def of(cls, draft: Draft, hole: Hole) -> Tried:
        """Hold a draft against the text that was cut out."""
        text, truth = draft.text, hole.answer.replace("\r\n", "\n")
        similarity, is_exact = edit_similarity(text, truth), bool(exact_match(text, truth))
        figures = {name: round(value, 4) for name, value in draft.figures.items()}
        return cls(figures, round(similarity, 4), is_exact, is_kept(text, truth), round(draft.use.ms, 2))


@dataclass(frozen=True, slots=True)
class Trial:
    """A hole with its drafts: the `first`, the generator's `unread` one, and the one that has `read`, where it could.

    `always` is the answer of the generator alone, which reads wherever it can. `reading` is what was known before the
    generator wrote (`complete.reading`), `alike` how alike each draft is to each of the others (`complete.beside`).
    """

    repository: str
    kind: str
    reading: dict[str, float]
    first: Tried
    unread: Tried
    read: Tried | None
    always: Tried
    alike: dict[Author, dict[Author, float]]

    @property
    def drafts(self) -> dict[Author, Tried]:
        """By who wrote them, in that order."""
        written: dict[Author, Tried] = {"first": self.first, "unread": self.unread}
        return written if self.read is None else {**written, "read": self.read}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Trial:
        """A trial as `asdict` gives it. Raises TrainError for one of another version."""
        try:
            read = None if content["read"] is None else Tried(**content["read"])
            others = {name: Tried(**content[name]) for name in ("first", "unread", "always")}
            return cls(**{**content, **others, "read": read})
        except (KeyError, TypeError) as error:
            raise TrainError("the labels were written by another version", "name a new file for LABELS") from error


@dataclass(frozen=True, slots=True)
class Trying:
    """The job: draft by the packs of two folders, the one that decides and the one that reads.

    Where a `server` reads, there is no `generator`.
    """

    pack: Shared
    generator: Shared | None
    server: str
    holes_each: int
    seed: int

    @contextmanager
    def open(self) -> Iterator[Callable[[Sent], list[Trial]]]:
        """Read the packs."""
        drafter = load(str(self.pack.path()))
        name = self.server if self.generator is None else str(self.generator.path())
        repository = OpenRepository(partial(_draw, limit=self.holes_each, seed=self.seed))
        yield partial(_trials, drafter, open_generator(name), repository)
        repository.close()


def try_out(
    repositories: Sequence[Repository],
    pack: str,
    generator: str,
    journal: Journal,
    *,
    holes_each: int,
    seed: int,
    executor: Executor | None = None,
    progress: OnProgress = ignore,
    is_over: Callable[[], bool] = lambda: False,
) -> list[Trial]:
    """Try `holes_each` holes of each repository until it `is_over`; returns all trials of them in the `journal`."""
    executor = executor or InProcess()
    reads = executor.share(folder_of(generator)) if is_pack(generator) else None
    job = Trying(executor.share(folder_of(pack)), reads, generator, holes_each, seed)
    sample = Sample(holes_each, seed, _HOLES_PER_TASK)
    return list(map(Trial.from_json, rows_of(job, repositories, sample, journal, executor, progress, is_over)))


def _draw(reader: IndexReader, limit: int, seed: int) -> list[Hole]:
    """Up to `limit` holes of the repository, mixed."""
    published = sample(*sources_of(reader), _PUBLISHED, limit // _PUBLISHED_SHARE, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    typed = sample_cursors(texts_of(reader), CURSOR_KINDS, limit - len(published), rng)
    holes = [*published, *typed]
    return [holes[at] for at in rng.permutation(len(holes))]


def _trials(drafter: LocalGenerator, generator: Generator, repository: OpenRepository, task: Sent) -> list[Trial]:
    holes, retriever = repository.holes(task)
    return [_trial(task.name, hole, drafter, generator, retriever) for hole in holes]


def _trial(repository: str, hole: Hole, drafter: LocalGenerator, generator: Generator, retriever: Retriever) -> Trial:
    """Write all drafts for a hole."""
    document = hole.opened
    cursor = document.at_offset(hole.start)
    place = Place.of(document, cursor, generator.window(document, cursor), hole.mode)
    parts = Parts(drafter, generator, BlindRetriever(retriever, hole))
    always = Decision(True, "always", None, None)
    context = retrieve_context(CompletionOptions(), parts, place, always, UNLIMITED)
    first = first_writer(drafter, place, context, drafter.confidence, MAX_NEW_TOKENS).write(UNLIMITED)

    def written(seen: Place, snippets: tuple[Snippet, ...], *earlier: Draft) -> Draft:
        forget(generator)
        writer = Writer.of(generator, seen, generator.confidence, context.hits, snippets, MAX_NEW_TOKENS, earlier)
        return writer.write(UNLIMITED)

    is_readable = any(snippet.ids for snippet in context.snippets)
    drafts: dict[Author, Draft] = {"first": first, "unread": written(place, (), first)}
    if is_readable:
        few = tuple(generator.fit(context.hits, tokens_beside(generator)))
        drafts["read"] = written(nearby(generator, place), few, first)
    tried = {author: Tried.of(draft, hole) for author, draft in drafts.items()}
    return Trial(
        repository=repository,
        kind=hole.kind,
        reading=dict(reading_figures(place, context.hits, first)),
        first=tried["first"],
        unread=tried["unread"],
        read=tried.get("read"),
        # Alone there are no guesses.
        always=Tried.of(written(place, context.snippets), hole),
        alike=_rounded(alike({author: draft.text for author, draft in drafts.items()})),
    )


def _rounded(shares: dict[Author, dict[Author, float]]) -> dict[Author, dict[Author, float]]:
    return {author: {other: round(share, 4) for other, share in row.items()} for author, row in shares.items()}
