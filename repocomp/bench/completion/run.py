"""Holes completed with and without retrieval: cut into a work tree, or read from a published benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from repocomp import directories
from repocomp.bench.completion.datasets import Dataset, Task, by_repository
from repocomp.bench.completion.journal import Journal
from repocomp.bench.completion.measure import Measure, Work, measuring
from repocomp.bench.completion.rivals import Rival
from repocomp.bench.completion.unit_tests import UnitTests
from repocomp.bench.holes import Kind, draw
from repocomp.bench.report import Report, Writer, facts_of
from repocomp.complete.cursor_kind import CURSOR_KINDS
from repocomp.evaluate.cases import Case
from repocomp.evaluate.holes import Hole
from repocomp.generate.access import Access
from repocomp.generate.backends import is_pack, open_generator
from repocomp.git_edits import revision
from repocomp.index.build import build_from, readable
from repocomp.model.library import load_pack
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.store.paths import index_path


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
    jobs: int = 1
    access: Access = Access()

    @property
    def policy_pack(self) -> str:
        """The pack that decides: by default the one that writes, the shipped one where that is a server."""
        return self.policy or (self.pack if is_pack(self.pack) else "default")

    def writer(self) -> Writer:
        """What writes. Raises PackError, and ConfigError for a server that must not be asked."""
        return load_pack(self.pack) if is_pack(self.pack) else open_generator(self.pack, self.access)

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
    with measuring(plan.policy_pack, plan.pack, plan.access, as_published=False, jobs=plan.jobs) as measure:
        for root, own in zip(roots, drawn, strict=True):
            show = partial(_show, progress, len(cases), total)
            found = _bench_tree(root, plan, own, measure, rivals, show)
            cases += [replace(case, path=f"{root.name}/{case.path}") if len(roots) > 1 else case for case in found]
    facts = {
        **_facts("policy" if plan.mislead else "self", plan),
        "repositories": {root.name: revision(root) for root in roots},
        "rival_failures": {rival.url: dict(rival.failures) for rival in rivals},
    }
    return Report.of(facts, cases)


def _facts(suite: str, plan: Plan) -> dict[str, Any]:
    policy = load_pack(plan.policy_pack).digest
    return {**facts_of(suite, plan.writer(), plan.seed, plan.limit), "policy": policy, "jobs": plan.jobs}


def _bench_tree(
    root: Path,
    plan: Plan,
    drawn: tuple[list[Hole], str],
    measure: Measure,
    rivals: Sequence[Rival],
    progress: Callable[[int], None],
) -> list[Case]:
    holes, state = drawn
    database = index_path(root)
    places = [f"{hole.document.path} {hole.start} {hole.end}" for hole in holes]
    journal = Journal.open(database.parent, [state, *plan.identity(), *places])
    others = [*holes[1:], holes[0]] if plan.mislead else [None] * len(holes)
    works = [Work(hole, database, other=other) for hole, other in zip(holes, others, strict=True)]
    left = works[len(journal.cases) :]

    def finished() -> Iterator[Case]:
        for work, case in zip(left, measure(left), strict=True):
            yield _judged(_beside(case, work.hole, rivals), work.hole, root, plan.unit_tests)

    return journal.follow(finished(), progress)


def _beside(case: Case, hole: Hole, rivals: Sequence[Rival]) -> Case:
    return replace(case, baselines={**case.baselines, **{rival.url: rival.answer(hole) for rival in rivals}})


def _judged(case: Case, hole: Hole, root: Path | None, unit_tests: UnitTests | None) -> Case:
    return case if unit_tests is None or root is None else unit_tests.judge(case, hole, root)


def bench_dataset(dataset: Dataset, plan: Plan, progress: OnProgress = ignore) -> Report:
    """Measure on the tasks of a dataset, at most `plan.limit` of them, chosen by its seed; scored as published."""
    order = np.random.default_rng(plan.seed).permutation(len(dataset.tasks))[: plan.limit]
    tasks = [dataset.tasks[int(number)] for number in sorted(order)]
    journal = Journal.open(directories.cache(), [dataset.suite, *plan.identity(), *(task.name for task in tasks)])
    with measuring(plan.policy_pack, plan.pack, plan.access, as_published=True, jobs=plan.jobs) as measure:
        measured = _measure(tasks, measure, len(journal.cases), plan.unit_tests)
        cases = journal.follow(measured, partial(_show, progress, 0, len(tasks)))
    return Report.of({**_facts(dataset.suite, plan), "skipped_lines": list(dataset.skipped)}, cases)


def _measure(tasks: Sequence[Task], measure: Measure, done: int, unit_tests: UnitTests | None) -> Iterator[Case]:
    """Cases of the tasks after the first `done`, repository by repository, each indexed for the while."""
    for folder, some in by_repository(tasks):
        left, done = some[done:], max(0, done - len(some))
        if not left:
            continue
        with _index_of(folder) as database:
            works = [Work(task.hole, database, task.supplied) for task in left]
            for task, case in zip(left, measure(works), strict=True):
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
