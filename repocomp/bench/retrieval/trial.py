"""One hole asked of every retrieval strategy, as a job for workers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from repocomp.bench.retrieval.scorers import CUTS, Cut, by_codebleu, cuts_of
from repocomp.complete.parts import IndexRetriever
from repocomp.evaluate.counterfactual import given
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.likelihood import Target, logprob
from repocomp.evaluate.unseen import Place
from repocomp.executor.executor import Shared
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.policy.select import DRAWS, Action, shipped
from repocomp.retrieve.hit import Hit, Unavailable
from repocomp.retrieve.rank import Ranker, chosen, fuse, linear, rank, trees
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS
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

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Trial:
        """A trial as JSON has it."""
        by_chunks = {
            name: {strategy: tuple(values) for strategy, values in content[name].items()}
            for name in ("recall", "gain", "similarity")
        }
        return cls(**{**content, **by_chunks})


@dataclass(frozen=True, slots=True)
class Asking:
    """The job: ask every strategy about holes of the repository `name`, whose index is `database`.

    Beyond recall, `likelihood` measures what the truth gains and `answers` how similar the answers are. `trees` of a
    folder take the place of those shipped.
    """

    name: str
    database: Shared
    pack: Shared
    trees: Shared | None
    likelihood: bool
    answers: bool

    @contextmanager
    def open(self) -> Iterator[Callable[[Hole], Trial]]:
        """Read pack, rankers and index."""
        loaded = load(str(self.pack.path()))
        rankers = {"linear": linear(), "lambdamart": chosen() if self.trees is None else trees(self.trees.path())}
        with IndexReader.open_at(self.database.path()) as reader:
            rows = reader.files.all()
            files = Counter(word for row in rows for word in set(words(reader.contents.text(row.content_id))))
            usual = shipped(is_read=loaded.pack.is_reader)
            tree = _Tree(self.name, reader, usual, files, cuts_of(reader), rankers)
            yield partial(_trial, tree=tree, loaded=loaded, job=self)


@dataclass(frozen=True, slots=True)
class _Tree:
    """What a repository is asked with: `usual` is what completions ask, `files` in how many files each word stands."""

    name: str
    reader: IndexReader
    usual: Action
    files: Mapping[str, int]
    cuts: Mapping[str, Cut]
    rankers: Mapping[str, Ranker]


def _trial(hole: Hole, tree: _Tree, loaded: LocalGenerator, job: Asking) -> Trial:
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
    if job.likelihood and target.middle:
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
        similarity=by_chunks(lambda hits: given(hole, hits, loaded, _ANSWER_TOKENS).similarity) if job.answers else {},
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
