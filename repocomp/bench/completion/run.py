"""Holes completed with and without retrieval: cut into a work tree, or read from a published benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from repocomp import directories
from repocomp.bench.completion.datasets import Dataset, Task, by_repository
from repocomp.bench.completion.measure import Measuring, Work
from repocomp.bench.completion.rivals import Rival
from repocomp.bench.completion.unit_tests import UnitTests
from repocomp.bench.holes import Kind, draw
from repocomp.bench.report import Report, Writer, facts_of
from repocomp.complete.cursor_kind import CURSOR_KINDS
from repocomp.errors import BenchError
from repocomp.evaluate.cases import Case
from repocomp.evaluate.holes import Hole
from repocomp.executor.executor import Executor
from repocomp.executor.journal import Journal
from repocomp.executor.workers import HERE, Workers
from repocomp.generate.access import Access
from repocomp.generate.backends import is_pack, open_generator
from repocomp.git_edits import revision
from repocomp.index.build import build_from, readable
from repocomp.model.library import folder_of, load_pack
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.store.index.swap import copy_index
from repocomp.store.paths import index_path

T = TypeVar("T")
Measure = Callable[[Iterable[Work]], Iterator[Case]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. The same plan on the same files and pack gives the same holes and the same answers."""

    pack: str = "default"
    limit: int = 100
    seed: int = 0
    kinds: tuple[Kind, ...] = CURSOR_KINDS
    rivals: tuple[str, ...] = ()
    unit_tests: UnitTests | None = None
    policy: str | None = None
    mislead: bool = False
    workers: Workers = HERE
    access: Access = Access()

    @property
    def policy_pack(self) -> str:
        """The pack that decides: by default the one that writes, the shipped one where that is a server."""
        return self.policy or (self.pack if is_pack(self.pack) else "default")

    def writer(self) -> Writer:
        """What writes. Raises PackError, and ConfigError for a server that must not be asked."""
        return load_pack(self.pack) if is_pack(self.pack) else open_generator(self.pack, self.access)

    @contextmanager
    def measuring(self, *, as_published: bool) -> Iterator[tuple[Executor, Measure]]:
        """A way to measure works, and what shares their indexes. Raises BenchError for a server asked by a cluster."""
        if self.workers.cluster is not None and not is_pack(self.pack):
            raise BenchError(
                "a cluster measures packs: a server is asked from this machine alone", "leave --cluster out"
            )
        with self.workers.executor() as executor:
            policy = executor.share(folder_of(self.policy_pack))
            pack = executor.share(folder_of(self.pack)) if is_pack(self.pack) else None
            with executor.run(Measuring(policy, pack, self.pack, self.access, as_published)) as measure:
                yield executor, measure

    def identity(self) -> Iterator[str]:
        """What answers and judgements depend on beside the holes."""
        yield from (self.writer().digest, load_pack(self.policy_pack).digest, str(self.mislead), *self.rivals)
        yield from () if self.unit_tests is None else self.unit_tests.command


def bench_self(roots: Sequence[Path], plan: Plan, progress: OnProgress = ignore) -> Report:
    """Measure on work trees, which must be indexed, `plan.limit` holes in each.

    What a stopped run has measured is not done again.
    """
    drawn = [draw(root, plan.limit, plan.seed, plan.kinds) for root in roots]
    total = sum(len(holes) for holes, _ in drawn)
    rivals = [Rival(url, load_pack(plan.policy_pack).budgets.middle) for url in plan.rivals]
    cases: list[Case] = []
    with plan.measuring(as_published=False) as (executor, measure):
        for root, own in zip(roots, drawn, strict=True):
            show = partial(_show, progress, len(cases), total)
            found = _bench_tree(root, plan, own, executor, measure, rivals, show)
            cases += [replace(case, path=f"{root.name}/{case.path}") if len(roots) > 1 else case for case in found]
    facts = {
        **_facts("policy" if plan.mislead else "self", plan),
        "repositories": {root.name: revision(root) for root in roots},
        "rival_failures": {rival.url: dict(rival.failures) for rival in rivals},
    }
    return Report.of(facts, cases)


def _facts(suite: str, plan: Plan) -> dict[str, Any]:
    policy = load_pack(plan.policy_pack).digest
    return {**facts_of(suite, plan.writer(), plan.seed, plan.limit), "policy": policy, "jobs": plan.workers.jobs}


def _bench_tree(
    root: Path,
    plan: Plan,
    drawn: tuple[list[Hole], str],
    executor: Executor,
    measure: Measure,
    rivals: Sequence[Rival],
    progress: Callable[[int], None],
) -> list[Case]:
    holes, state = drawn
    path = index_path(root)
    places = [f"{hole.document.path} {hole.start} {hole.end}" for hole in holes]
    journal = Journal.of_run(path.parent, ["bench", state, *plan.identity(), *places])
    database = executor.share(path, copy_index)
    others = [*holes[1:], holes[0]] if plan.mislead else [None] * len(holes)
    works = [Work(hole, database, other=other) for hole, other in zip(holes, others, strict=True)]

    def judged(left: Iterable[Work]) -> Iterator[Case]:
        left = list(left)
        for work, case in zip(left, measure(left), strict=True):
            yield _judged(_beside(case, work.hole, rivals), work.hole, root, plan.unit_tests)

    return _cases(journal, works, judged, progress)


def _cases(
    journal: Journal,
    tasks: Sequence[T],
    measure: Callable[[Iterable[T]], Iterator[Case]],
    progress: Callable[[int], None],
) -> list[Case]:
    """A case for each task, those that the journal holds not measured again; once all are there it is gone."""
    numbered = {str(number): task for number, task in enumerate(tasks)}
    rows = journal.follow(numbered, lambda left: (case.to_json() for case in measure(left)), progress)
    cases = [Case.from_json(row) for row in rows]
    journal.forget()
    return cases


def _beside(case: Case, hole: Hole, rivals: Sequence[Rival]) -> Case:
    return replace(case, baselines={**case.baselines, **{rival.url: rival.answer(hole) for rival in rivals}})


def _judged(case: Case, hole: Hole, root: Path | None, unit_tests: UnitTests | None) -> Case:
    return case if unit_tests is None or root is None else unit_tests.judge(case, hole, root)


def bench_dataset(dataset: Dataset, plan: Plan, progress: OnProgress = ignore) -> Report:
    """Measure on the tasks of a dataset, at most `plan.limit` of them, chosen by its seed; scored as published."""
    order = np.random.default_rng(plan.seed).permutation(len(dataset.tasks))[: plan.limit]
    drawn = [dataset.tasks[int(number)] for number in sorted(order)]
    tasks = [task for _, some in by_repository(drawn) for task in some]
    identity = ["bench", dataset.suite, *plan.identity(), *(task.name for task in tasks)]
    journal = Journal.of_run(directories.cache(), identity)
    with plan.measuring(as_published=True) as (executor, measure):
        measured = partial(_measure, executor, measure, plan.unit_tests)
        cases = _cases(journal, tasks, measured, partial(_show, progress, 0, len(tasks)))
    return Report.of({**_facts(dataset.suite, plan), "skipped_lines": list(dataset.skipped)}, cases)


def _measure(
    executor: Executor, measure: Measure, unit_tests: UnitTests | None, tasks: Iterable[Task]
) -> Iterator[Case]:
    """Cases of the tasks, repository by repository, each indexed for the while."""
    for folder, some in by_repository(list(tasks)):
        with _index_of(folder) as path:
            database = None if path is None else executor.share(path, copy_index)
            works = [Work(task.hole, database, task.supplied) for task in some]
            for task, case in zip(some, measure(works), strict=True):
                judged = _judged(case, task.hole, folder, unit_tests)
                yield replace(judged, path=f"{task.name.partition(':')[0]}/{case.path}")


def _show(progress: OnProgress, before: int, total: int, done: int) -> None:
    progress(Progress(before + done, total, "filling holes"))


@contextmanager
def _index_of(folder: Path | None) -> Iterator[Path | None]:
    """An index of a repository, for the while; None without one."""
    if folder is None:
        yield None
        return
    with TemporaryDirectory() as temporary:
        database = Path(temporary) / "index.db"
        build_from(database, readable(folder))
        yield database
