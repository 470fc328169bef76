"""Holes completed with and without retrieval: cut into a work tree, or read from a published benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from repocomp.bench.datasets import Dataset, Task, by_repository
from repocomp.bench.journal import Journal
from repocomp.bench.report import Report, facts_of
from repocomp.bench.rivals import Rival
from repocomp.bench.unit_tests import UnitTests
from repocomp.complete.parts import IndexRetriever, Loaded, Parts, load, open_parts
from repocomp.errors import StoreError
from repocomp.evaluate.cases import Case
from repocomp.evaluate.counterfactual import Outcome, compare
from repocomp.evaluate.cut import published
from repocomp.evaluate.holes import KINDS, Hole, HoleKind, sample, sources_of
from repocomp.git import revision
from repocomp.index.build import build_from, readable
from repocomp.model.pack import load_pack
from repocomp.retrieve.arms.base import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import Retrieved
from repocomp.store.paths import cache_home, index_path
from repocomp.store.reader import IndexReader

Show = Callable[[int, int], None]
"""How many holes are done, of how many."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. The same plan on the same files and pack gives the same holes and the same answers."""

    pack: str = "default"
    limit: int = 100
    seed: int = 0
    kinds: tuple[HoleKind, ...] = KINDS
    rivals: tuple[str, ...] = ()
    unit_tests: UnitTests | None = None
    policy: str | None = None

    @property
    def policy_pack(self) -> str:
        """The pack that decides: by default the one that writes."""
        return self.policy or self.pack


def bench_self(roots: Sequence[Path], plan: Plan, progress: Show | None = None) -> Report:
    """Measure on work trees, which must be indexed, `plan.limit` holes in each.

    What a stopped run has measured is not done again.
    """
    drawn = [draw(root, plan) for root in roots]
    total = sum(len(holes) for holes, _ in drawn)
    pack = load_pack(plan.pack)
    rivals = [Rival(url, pack.budgets.middle) for url in plan.rivals]
    cases: list[Case] = []
    for root, (holes, state) in zip(roots, drawn, strict=True):
        before = len(cases)
        found = _bench_tree(root, plan, holes, state, rivals, lambda done, n=before: _show(progress, n + done, total))  # type: ignore[misc]
        cases += [replace(case, path=f"{root.name}/{case.path}") if len(roots) > 1 else case for case in found]
    facts = {
        **facts_of("self", pack, plan.seed, plan.limit),
        "policy": load_pack(plan.policy_pack).digest,
        "repositories": {root.name: revision(root) for root in roots},
        "rival_failures": {rival.url: dict(rival.failures) for rival in rivals},
    }
    return Report.of(facts, cases)


def _bench_tree(
    root: Path, plan: Plan, holes: Sequence[Hole], state: str, rivals: Sequence[Rival], progress: Callable[[int], None]
) -> list[Case]:
    with open_parts(root, plan.policy_pack, plan.pack) as parts:
        pack = parts.generator.pack
        places = [f"{hole.document.path} {hole.start} {hole.end}" for hole in holes]
        asked = [pack.digest, parts.policy.pack.digest, state, *plan.rivals, *_command(plan.unit_tests)]
        journal = Journal.open(index_path(root).parent, [*asked, *places])

        def finish(outcome: Outcome) -> Case:
            case = _beside(Case.of(outcome, parts), outcome.hole, rivals)
            return _judged(case, outcome.hole, root, plan.unit_tests)

        left = compare(holes[len(journal.cases) :], parts, pack.budgets.middle)
        return journal.follow(map(finish, left), progress)


def _beside(case: Case, hole: Hole, rivals: Sequence[Rival]) -> Case:
    return replace(case, baselines={**case.baselines, **{rival.url: rival.answer(hole) for rival in rivals}})


def _judged(case: Case, hole: Hole, root: Path | None, unit_tests: UnitTests | None) -> Case:
    return case if unit_tests is None or root is None else unit_tests.judge(case, hole, root)


def _command(unit_tests: UnitTests | None) -> tuple[str, ...]:
    return () if unit_tests is None else unit_tests.command


def bench_dataset(dataset: Dataset, plan: Plan, progress: Show | None = None) -> Report:
    """Measure on the tasks of a dataset, at most `plan.limit` of them, chosen by its seed; scored as published."""
    order = np.random.default_rng(plan.seed).permutation(len(dataset.tasks))[: plan.limit]
    tasks = [dataset.tasks[int(number)] for number in sorted(order)]
    loaded = load(plan.pack)
    names = [task.name for task in tasks]
    asked = [dataset.suite, loaded.pack.digest, *_command(plan.unit_tests)]
    journal = Journal.open(cache_home() / "repocomp", [*asked, *names])
    measured = _measure(tasks, loaded, len(journal.cases), plan.unit_tests)
    cases = journal.follow(measured, lambda done: _show(progress, done, len(tasks)))
    facts = facts_of(dataset.suite, loaded.pack, plan.seed, plan.limit)
    return Report.of({**facts, "skipped_lines": list(dataset.skipped)}, cases)


def _measure(tasks: Sequence[Task], loaded: Loaded, done: int, unit_tests: UnitTests | None) -> Iterator[Case]:
    """Cases of the tasks after the first `done`, repository by repository, each indexed for the while."""
    for folder, some in by_repository(tasks):
        left, done = some[done:], max(0, done - len(some))
        if not left:
            continue
        with _retriever(folder) as retriever:
            for task in left:
                finder = SuppliedRetriever(task.supplied) if retriever is None else retriever
                parts = Parts(loaded, loaded, finder)
                for outcome in compare([task.hole], parts, loaded.pack.budgets.middle, published):
                    case = _judged(Case.of(outcome, parts, published), task.hole, folder, unit_tests)
                    yield replace(case, path=f"{task.name.partition(':')[0]}/{case.path}")


def _show(progress: Show | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


@contextmanager
def _retriever(folder: Path | None) -> Iterator[IndexRetriever | None]:
    if folder is None:
        yield None
        return
    with TemporaryDirectory() as temporary:
        database = Path(temporary) / "index.db"
        build_from(database, readable(folder))
        with IndexReader.open_at(database) as reader:
            yield IndexRetriever(reader)


@dataclass(frozen=True, slots=True)
class SuppliedRetriever:
    """The chunks that came with a task, in their order."""

    hits: tuple[Hit, ...]

    def find(self, query: Query, arms: tuple[str, ...] | None) -> Retrieved:
        """The same chunks whatever is asked."""
        return Retrieved(list(self.hits), {"supplied": list(self.hits)})


def draw(root: Path, plan: Plan) -> tuple[list[Hole], str]:
    """The holes of a plan, and what names the state of the index that answers are made from.

    Raises StoreError without an index or without code in it.
    """
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    with reader:
        sources, defined = sources_of(reader)
        state = str(reader.fact("finished"))
    holes = sample(sources, defined, plan.kinds, plan.limit, np.random.default_rng(plan.seed))
    if not holes:
        raise StoreError(f"{root}: the index holds no source files to cut holes in", "repocomp index --status")
    return holes, state
