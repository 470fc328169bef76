"""Holes to cases, in this process or in several at once.

Cases come in the order of the holes, and are the same whatever the number of processes; only their times are not, since
processes that share a machine slow each other down.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from repocomp.complete.parts import IndexRetriever, Parts, Retriever
from repocomp.evaluate.cases import Answer, Case
from repocomp.evaluate.counterfactual import compare, misled, uncut
from repocomp.evaluate.cut import published
from repocomp.evaluate.holes import Hole
from repocomp.generate.access import Access
from repocomp.generate.backends import open_generator
from repocomp.generate.generator import Generator
from repocomp.generate.local.generator import load
from repocomp.languages.table import language_of
from repocomp.policy.select import Action
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import Hidden, Retrieved
from repocomp.service.pairs import pair_of
from repocomp.store.index.reader import IndexReader
from repocomp.worker_pool import WorkerPool, safe_start

WRONG = "wrong chunks"
"""The answer when the chunks are those of another place."""


@dataclass(frozen=True, slots=True)
class Work:
    """A hole, and what retrieval asks: an index `database`, or the chunks `supplied` with it.

    Where there is an `other` hole, the generator is also misled by the chunks that are found for that one.
    """

    hole: Hole
    database: Path | None
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


class Measurer:
    """Measures one hole after the other with the same packs; `as_published` cuts answers as benchmarks prescribe."""

    def __init__(self, policy: str, pack: str, access: Access, as_published: bool) -> None:
        self._policy = load(policy)
        self._generator: Generator = self._policy if policy == pack else open_generator(pack, access)
        self._pair = pair_of(self._policy, self._generator)
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
        if self._reader is None or self._reader[0] != work.database:
            self.close()
            self._reader = work.database, IndexReader.open_at(work.database)
        return IndexRetriever(self._reader[1])


Measure = Callable[[Iterable[Work]], Iterator[Case]]


@contextmanager
def measuring(policy: str, pack: str, access: Access, *, as_published: bool, jobs: int) -> Iterator[Measure]:
    """A way to measure works, in `jobs` processes."""
    if jobs == 1:
        measurer = Measurer(policy, pack, access, as_published)
        try:
            yield lambda works: map(measurer, works)
        finally:
            measurer.close()
        return
    context = get_context("spawn")
    with safe_start():
        shares: SimpleQueue[list[int]] = context.SimpleQueue()
    for share in _shares(jobs):
        shares.put(share)
    with WorkerPool(jobs, _begin, (shares, policy, pack, access, as_published)) as pool:
        yield lambda works: pool.map(_measure, works)


_measurer: Measurer | None = None


def _begin(shares: SimpleQueue[list[int]], policy: str, pack: str, access: Access, as_published: bool) -> None:
    """Open the packs in a new process, on processors of its own where the system lets one choose."""
    global _measurer
    if (share := shares.get()) and sys.platform == "linux":
        os.sched_setaffinity(0, share)
    _measurer = Measurer(policy, pack, access, as_published)


def _measure(work: Work) -> Case:
    if _measurer is None:
        raise RuntimeError("this process has not begun")
    return _measurer(work)


def _shares(jobs: int) -> list[list[int]]:
    """Processors for each of so many processes; none for any where there are too few."""
    own = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    return [own[number::jobs] for number in range(jobs)] if len(own) >= jobs else [[] for _ in range(jobs)]
