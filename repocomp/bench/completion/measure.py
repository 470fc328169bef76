"""Holes to cases, as a job for workers.

Cases are the same whatever the number of workers; only their times are not, since processes that share a machine slow
each other down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from repocomp.complete.pairs import pair_of
from repocomp.complete.parts import IndexRetriever, Parts, Retriever
from repocomp.evaluate.cases import Answer, Case
from repocomp.evaluate.counterfactual import compare, misled, uncut
from repocomp.evaluate.cut import published
from repocomp.evaluate.holes import Hole
from repocomp.executor.executor import Shared
from repocomp.generate.access import Access
from repocomp.generate.backends import open_generator
from repocomp.generate.generator import Generator
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.languages.table import language_of
from repocomp.policy.select import Action
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import Hidden, Retrieved
from repocomp.store.index.reader import IndexReader

WRONG = "wrong chunks"
"""The answer when the chunks are those of another place."""


@dataclass(frozen=True, slots=True)
class Work:
    """A hole, and what retrieval asks: an index `database`, or the chunks `supplied` with it.

    Where there is an `other` hole, the generator is also misled by the chunks that are found for that one.
    """

    hole: Hole
    database: Shared | None
    supplied: tuple[Hit, ...] = ()
    other: Hole | None = None


@dataclass(frozen=True, slots=True)
class SuppliedRetriever:
    """The chunks that came with a task, in their order."""

    hits: tuple[Hit, ...]

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        """The same chunks whatever is asked, but for those that are `hidden`."""
        hits = [hit for hit in self.hits if hidden is None or not hidden(hit)]
        return Retrieved(hits, {"supplied": hits})


@dataclass(frozen=True, slots=True)
class Measuring:
    """The job: complete each hole without and with retrieval, the packs being those of the folders `policy` and `pack`.

    Where a `server` writes, named with its `access`, there is no `pack`. `as_published` cuts answers as benchmarks
    prescribe.
    """

    policy: Shared
    pack: Shared | None
    server: str
    access: Access
    as_published: bool

    @contextmanager
    def open(self) -> Iterator[Callable[[Work], Case]]:
        """Read the packs."""
        policy = load(str(self.policy.path()))
        generator: Generator = policy
        if self.pack is None:
            generator = open_generator(self.server, self.access)
        elif self.pack != self.policy:
            generator = load(str(self.pack.path()))
        measurer = _Measurer(policy, generator, self.as_published)
        try:
            yield measurer
        finally:
            measurer.close()


class _Measurer:
    """Measures one hole after the other with the same packs."""

    def __init__(self, policy: LocalGenerator, generator: Generator, as_published: bool) -> None:
        self._policy, self._generator = policy, generator
        self._pair = pair_of(policy, generator)
        self._cut = published if as_published else uncut
        self._reader: tuple[Path, IndexReader] | None = None

    def __call__(self, work: Work) -> Case:
        """Complete the hole without and with retrieval."""
        parts = Parts(self._policy, self._generator, self._retriever(work), pair=self._pair)
        budget = self._generator.answer_tokens
        outcome = next(compare([work.hole], parts, budget, self._cut))
        case = Case.of(outcome, parts, self._cut)
        if work.other is None:
            return case
        attempt = misled(work.hole, work.other, parts, budget, self._cut)
        return replace(
            case, baselines={**case.baselines, WRONG: Answer.of(attempt.text, case.truth, language_of(case.path))}
        )

    def close(self) -> None:
        """Close the index that is open."""
        if self._reader is not None:
            self._reader[1].close()
            self._reader = None

    def _retriever(self, work: Work) -> Retriever:
        if work.database is None:
            return SuppliedRetriever(work.supplied)
        database = work.database.path()
        if self._reader is None or self._reader[0] != database:
            self.close()
            self._reader = database, IndexReader.open_at(database)
        return IndexRetriever(self._reader[1])
