"""What each retrieval arm is worth: identifiers found, likelihood gained, similarity of answers, time spent.

The targets are holes as in `bench self`, hidden from every arm in the same way. A target's identifiers that the prompt
does not show yet are what retrieval is for; the recall is the share of them in the first 512 tokens of chunks.
Beside the arms stand other retrievers (`scorers.py`), the best fixed union, the plain fusion of all (`rrf`), what was
learned (`linear`, `lambdamart`), what completions get (`default`), the best order of all that was
drawn, for one who knows the answer (`oracle`), and the share that the repository holds anywhere at all. The arm
`jaccard` is the paper's own retriever: 20-line windows, stride 10, top 10, the window that follows is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.bench.holes import draw
from repocomp.bench.report import facts_of
from repocomp.bench.retrieval.trial import CHUNKS, Asking, Trial
from repocomp.errors import BenchError
from repocomp.evaluate.holes import Hole
from repocomp.executor.journal import Journal
from repocomp.executor.workers import HERE, Workers
from repocomp.git_edits import revision
from repocomp.model.library import folder_of, load_pack
from repocomp.model.pack import Pack
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.stats.resampling import bootstrap, interval
from repocomp.store.index.swap import copy_index
from repocomp.store.paths import index_path


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its 95 % interval, and that of its lead over `rrf` with as many chunks."""

    value: float
    interval: tuple[float, float]
    ahead: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """A strategy with at most `chunks` chunks: recall and edit similarity in percent, gain in nats per token."""

    name: str
    chunks: int
    recall: Mean
    gain: Mean | None
    similarity: Mean | None
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """A run: `judged` holes had identifiers to find, of which `reachable` percent stand somewhere in the repository."""

    facts: dict[str, Any]
    holes: int
    judged: int
    reachable: float
    rows: tuple[Row, ...]
    trials: tuple[Trial, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run measures: `limit` holes of each work tree for each of `seeds` seeds, counted from `seed`.

    Beyond recall, `likelihood` measures what the truth gains and `answers` how similar the answers are. `trees` of a
    folder take the place of those shipped.
    """

    pack: str = "default"
    limit: int = 100
    seed: int = 0
    likelihood: bool = False
    answers: bool = False
    trees: Path | None = None
    seeds: int = 1
    workers: Workers = HERE


def bench_retrieval(roots: Sequence[Path], plan: Plan, progress: OnProgress = ignore) -> RetrievalReport:
    """Ask every arm about the holes of each work tree. What a stopped run has measured is not done again.

    Raises StoreError for a tree without an index, PackError for trees that cannot be read.
    """
    seeds = range(plan.seed, plan.seed + plan.seeds)
    drawn = [[draw(root, plan.limit, seed) for seed in seeds] for root in roots]
    total = sum(len(holes) for some in drawn for holes, _ in some)
    pack = load_pack(plan.pack)
    trials: list[Trial] = []
    with plan.workers.executor() as executor:
        for root, some in zip(roots, drawn, strict=True):
            holes = [hole for own, _ in some for hole in own]
            journal = Journal.of_run(index_path(root).parent, _identity(plan, pack, some))
            job = Asking(
                root.name,
                executor.share(index_path(root), copy_index),
                executor.share(folder_of(plan.pack)),
                None if plan.trees is None else executor.share(plan.trees),
                plan.likelihood,
                plan.answers,
            )
            with executor.run(job) as run:
                tasks = {str(number): hole for number, hole in enumerate(holes)}
                show = partial(_show, progress, len(trials), total)
                trials += map(Trial.from_json, journal.follow(tasks, partial(_rows, run), show))
            journal.forget()
    facts = {
        **facts_of("retrieval", pack, plan.seed, plan.limit),
        "seeds": plan.seeds,
        "repositories": {root.name: revision(root) for root in roots},
    }
    return summarise(facts, trials)


def _identity(plan: Plan, pack: Pack, drawn: Sequence[tuple[list[Hole], str]]) -> Iterator[str]:
    """What trials of one tree depend on."""
    yield from ("retrieval", pack.digest, str(plan.likelihood), str(plan.answers), str(plan.trees))
    for holes, state in drawn:
        yield from (state, *(f"{hole.document.path} {hole.start} {hole.end}" for hole in holes))


def _show(progress: OnProgress, before: int, total: int, done: int) -> None:
    progress(Progress(before + done, total, "asking"))


def _rows(run: Callable[[Iterable[Hole]], Iterator[Trial]], holes: Iterable[Hole]) -> Iterator[dict[str, Any]]:
    return map(asdict, run(holes))


def summarise(facts: dict[str, Any], trials: Sequence[Trial]) -> RetrievalReport:
    """Means over the trials that had something to find. Raises BenchError when none had."""
    judged = [trial for trial in trials if trial.unseen]
    if not judged:
        raise BenchError("no hole asks for an identifier that is not in sight", "use a larger --limit")
    seed = int(facts["seed"])
    everywhere = [name for name in trials[0].recall if all(name in trial.recall for trial in trials)]
    rows = tuple(_row(name, at, judged, trials, seed) for name in everywhere for at in range(len(CHUNKS)))
    reachable = round(100 * float(np.mean([trial.reachable for trial in judged])), 2)
    return RetrievalReport(facts, len(trials), len(judged), reachable, rows, tuple(trials))


def _row(name: str, at: int, judged: Sequence[Trial], trials: Sequence[Trial], seed: int) -> Row:
    def mean(asked: Sequence[Trial], of: Callable[[Trial], Mapping[str, tuple[float, ...]]], unit: int) -> Mean:
        resample = bootstrap([trial.path for trial in asked], seed)
        own, plain = (np.array([of(trial)[which][at] for trial in asked]) for which in (name, "rrf"))
        ends = (tuple(round(end * unit, 4) for end in interval(each, resample)) for each in (own, own - plain))
        (low, high), (behind, ahead) = ends
        return Mean(round(unit * float(own.mean()), 4), (low, high), (behind, ahead))

    gained = [trial for trial in trials if name in trial.gain]
    answered = [trial for trial in trials if name in trial.similarity]
    spent = [trial.ms[name] for trial in trials if name in trial.ms] or [0.0]
    return Row(
        name=name,
        chunks=CHUNKS[at],
        recall=mean(judged, lambda trial: trial.recall, 100),
        gain=mean(gained, lambda trial: trial.gain, 1) if gained else None,
        similarity=mean(answered, lambda trial: trial.similarity, 100) if answered else None,
        p50=round(float(np.percentile(spent, 50)), 2),
        p95=round(float(np.percentile(spent, 95)), 2),
    )
