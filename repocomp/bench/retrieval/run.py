"""What each retrieval arm is worth: identifiers found, likelihood gained, similarity of answers, time spent.

The targets are holes as in `bench self`, hidden from every arm in the same way. A target's identifiers that the prompt
does not show yet are what retrieval is for; the recall is the share of them in the first 512 tokens of chunks.
Beside the arms stand other retrievers (`scorers.py`), the best fixed union, the plain fusion of all (`rrf`), what was
learned (`linear`, `lambdamart`), what completions get (`default`), the best order of all that was
drawn, for one who knows the answer (`oracle`), and the share that the repository holds anywhere at all. The arm
`jaccard` is the paper's own retriever: 20-line windows, stride 10, top 10, the window that follows is given.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.bench.holes import draw
from repocomp.bench.report import facts_of
from repocomp.bench.retrieval.scorers import CUTS, Cut, by_codebleu, cuts_of
from repocomp.complete.parts import IndexRetriever
from repocomp.errors import BenchError, StoreError
from repocomp.evaluate.counterfactual import given
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.likelihood import Target, logprob
from repocomp.evaluate.unseen import Place
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.git_edits import revision
from repocomp.policy.select import DRAWS, Action, shipped
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.retrieve.hit import Hit, Unavailable
from repocomp.retrieve.rank import Ranker, chosen, fuse, linear, rank, trees
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS
from repocomp.stats.resampling import bootstrap, interval
from repocomp.store.index.reader import IndexReader
from repocomp.terms import words

CHUNKS = (3, 5, 10, 30)
"""Numbers of chunks; learned orders rank short pieces: compare those of 30."""
BUDGET = 512
"""Tokens of cross-file context that identifiers are looked for in: Repoformer's budget, whatever the pack's own is."""
UNION = ("jaccard", "bm25", "usage", "near")
"""The union of arms that found most on twelve other repositories, by plain fusion, after that of all: `rrf`."""
JUDGES = (*CUTS, "codebleu", "union", "rrf", "linear", "lambdamart", "default", "oracle")
"""What is compared with the single arms."""
_CHEAP = (*CUTS, "codebleu")
"""Strategies of which only the recall is measured."""
_ANSWER_TOKENS = 48
"""The longest answer in tokens, as in `bench self`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One hole: `unseen` identifiers of the answer, the share of them that the repository holds (`reachable`).

    By strategy: the share found with each of `CHUNKS`; the gain in nats per token and the edit similarity (0..1) of the
    answer where these were asked for; milliseconds, in turns on one reader: what others read before is in memory.
    """

    path: str
    kind: str
    unseen: int
    reachable: float
    recall: dict[str, tuple[float, ...]]
    gain: dict[str, tuple[float, ...]]
    similarity: dict[str, tuple[float, ...]]
    ms: dict[str, float]


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


def bench_retrieval(roots: Sequence[Path], plan: Plan, progress: OnProgress = ignore) -> RetrievalReport:
    """Ask every arm about the holes of each work tree.

    Raises StoreError for a tree without an index, PackError for trees that cannot be read.
    """
    seeds = range(plan.seed, plan.seed + plan.seeds)
    drawn = [[hole for seed in seeds for hole in draw(root, plan.limit, seed)[0]] for root in roots]
    total = sum(map(len, drawn))
    loaded = load(plan.pack)
    rankers = {"linear": linear(), "lambdamart": chosen() if plan.trees is None else trees(plan.trees)}
    trials: list[Trial] = []
    for root, holes in zip(roots, drawn, strict=True):
        for trial in _trials(root, holes, loaded, rankers, plan):
            trials.append(trial)
            progress(Progress(len(trials), total, "asking"))
    facts = {
        **facts_of("retrieval", loaded.pack, plan.seed, plan.limit),
        "seeds": plan.seeds,
        "repositories": {root.name: revision(root) for root in roots},
    }
    return summarise(facts, trials)


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


def _trials(
    root: Path, holes: Sequence[Hole], loaded: LocalGenerator, rankers: Mapping[str, Ranker], plan: Plan
) -> Iterator[Trial]:
    reader = IndexReader.open(root)
    if reader is None:
        raise StoreError(f"{root}: has no index", "repocomp index")
    with reader:
        files = Counter(word for row in reader.files.all() for word in set(words(reader.contents.text(row.content_id))))
        tree = _Tree(root.name, reader, shipped(is_read=loaded.pack.is_reader), files, cuts_of(reader), rankers)
        for hole in holes:
            yield _trial(hole, tree, loaded, plan)


@dataclass(frozen=True, slots=True)
class _Tree:
    """What a repository is asked with: `usual` is what completions ask, `files` in how many files each word stands."""

    name: str
    reader: IndexReader
    usual: Action
    files: Mapping[str, int]
    cuts: Mapping[str, Cut]
    rankers: Mapping[str, Ranker]


def _trial(hole: Hole, tree: _Tree, loaded: LocalGenerator, plan: Plan) -> Trial:
    document = hole.opened
    place = Place.of(hole, loaded)
    unseen = place.unseen
    ranked, ms = _ranked(tree, place)
    ranked["oracle"] = _oracle(ranked.values(), unseen)

    def recall(hits: Sequence[Hit]) -> float:
        snippets = loaded.fit(hits, BUDGET)
        shown = words(loaded.tokenizer.decode([token for snippet in snippets for token in snippet.ids]))
        return len(unseen & set(shown)) / max(1, len(unseen))

    def by_chunks(measure: Callable[[tuple[Hit, ...]], float]) -> dict[str, tuple[float, ...]]:
        known = cache(measure)
        dear = {name: hits for name, hits in ranked.items() if name not in _CHEAP}
        return {name: tuple(known(tuple(hits[:number])) for number in CHUNKS) for name, hits in dear.items()}

    target = Target.of(hole, loaded)
    gain: dict[str, tuple[float, ...]] = {}
    if plan.likelihood and target.middle:
        without = logprob(target, (), loaded)
        gain = by_chunks(lambda hits: logprob(target, hits, loaded) - without)
    elsewhere = set(words(document.data.decode()))
    own = set(words(hole.document.data.decode()))
    reachable = sum(name in elsewhere or tree.files.get(name, 0) > (name in own) for name in unseen)
    return Trial(
        path=f"{tree.name}/{document.path}",
        kind=hole.kind,
        unseen=len(unseen),
        reachable=reachable / max(1, len(unseen)),
        recall={name: tuple(recall(hits[:number]) for number in CHUNKS) for name, hits in ranked.items()},
        gain=gain,
        similarity=by_chunks(lambda hits: given(hole, hits, loaded, _ANSWER_TOKENS).similarity) if plan.answers else {},
        ms=ms,
    )


def _ranked(tree: _Tree, place: Place) -> tuple[dict[str, list[Hit]], dict[str, float]]:
    """What each strategy ranks, and the milliseconds of those that were asked; not what the index lacks vectors for."""
    ranked: dict[str, list[Hit]] = {}
    ms: dict[str, float] = {}
    reader, query = tree.reader, place.query
    asked: dict[str, Callable[[], list[Hit]]] = {
        name: partial(arm.draw, reader, query, DRAWS) for name, arm in ARMS.items()
    }
    asked |= {name: partial(cut.draw, query, DRAWS) for name, cut in tree.cuts.items()}
    asked["codebleu"] = partial(by_codebleu, reader, query, DRAWS)
    asked["default"] = lambda: IndexRetriever(reader).find(query, tree.usual, place.leaks).hits
    for name, ask in asked.items():
        started = time.perf_counter()
        try:
            hits = ask()
        except Unavailable:
            continue
        ms[name] = (time.perf_counter() - started) * 1000
        ranked[name] = [hit for hit in hits if not place.leaks(hit)]
    ranked["union"] = fuse({name: ranked[name] for name in UNION})
    drawn = {name: ranked[name] for name in DEFAULT_ARMS}
    ranked["rrf"] = fuse(drawn)
    ranked |= {name: rank(reader, query, drawn, ranker) for name, ranker in tree.rankers.items()}
    return ranked, ms


def _oracle(ranked: Iterable[Sequence[Hit]], unseen: frozenset[str]) -> list[Hit]:
    """All that was drawn, the hit with the most identifiers still wanted for its length first."""
    left = list(dict.fromkeys(hit for hits in ranked for hit in hits))
    shown = {hit: set(words(hit.text)) & unseen for hit in left}
    wanted, chosen = set(unseen), list[Hit]()
    while left and len(chosen) < max(CHUNKS):
        best = max(left, key=lambda hit: len(shown[hit] & wanted) / (20 + len(hit.text)))
        left.remove(best)
        wanted -= shown[best]
        chosen.append(best)
    return chosen
