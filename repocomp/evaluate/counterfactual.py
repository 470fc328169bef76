"""The same hole completed with and without retrieval: labels for training, figures for a benchmark.

Both runs go through `complete()` itself, on the same models, so what is measured is what users get. The retriever
is wrapped so that it cannot see the answer: neither the place it was cut from nor near-copies of that place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from repocomp.complete.parts import Parts, Retriever
from repocomp.complete.pipeline import complete, expectation
from repocomp.complete.place import query_of
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.metrics import edit_similarity, exact_match
from repocomp.generate.generator import Generator
from repocomp.generate.local.generator import LocalGenerator
from repocomp.policy.select import Action
from repocomp.request import Completion, CompletionOptions, CompletionRequest, RetrieveMode
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import Hidden, Retrieved
from repocomp.terms import words

Cut = Callable[[str, Hole], str]
"""Shortens an answer before it is scored."""

_BRANCHES: tuple[RetrieveMode, RetrieveMode] = ("never", "always")
_COPY = 0.9
"""Jaccard similarity of word sets from which a chunk counts as a copy of the hole's own place."""
_AROUND_LINES = 5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer to a hole: similarities to the truth in 0..1, and what it cost."""

    text: str
    exact: bool
    similarity: float
    completion: Completion

    @classmethod
    def of(cls, completion: Completion, hole: Hole, cut: Cut) -> Attempt:
        """Score `completion` against the text that was cut out, after `cut` has shortened it."""
        text = cut(completion.text.replace("\r\n", "\n"), hole)
        truth = hole.answer.replace("\r\n", "\n")
        return cls(text, exact_match(text, truth), edit_similarity(text, truth), completion)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A hole with both answers, the policy's probability that retrieval helps, and what was found for it.

    `policy_ms` is what asking took where the policy is not the generator, whose own prompt answers for nothing. `pair`
    is the answer of two packs that share the work, where they do.
    """

    hole: Hole
    without: Attempt
    retrieved: Attempt
    probability: float
    found: tuple[Hit, ...]
    best_jaccard: float = 0.0
    policy_ms: float = 0.0
    pair: Attempt | None = None

    @property
    def helped(self) -> bool:
        """The label: retrieval brought the answer closer to the truth."""
        return self.retrieved.similarity > self.without.similarity

    @property
    def harmed(self) -> bool:
        """Retrieval led away from the truth."""
        return self.retrieved.similarity < self.without.similarity


@dataclass(slots=True)
class BlindRetriever:
    """A retriever that cannot find `hole`; `found` and `best_jaccard` keep what it answered last."""

    inner: Retriever
    hole: Hole
    found: list[Hit] = field(default_factory=list)
    best_jaccard: float = 0.0

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        """Chunks of other places, the hole's own place and copies of it left out."""
        leaks = leaks_of(self.hole, query)
        out = (lambda hit: leaks(hit) or hidden(hit)) if hidden is not None else leaks
        answer = self.inner.find(query, action, out, deadline)
        # A piece of what was drawn may be a copy of the place where the whole is none.
        self.found = [hit for hit in answer.hits if not leaks(hit)]
        self.best_jaccard = max((hit.score for hit in answer.drawn.get("jaccard", ())), default=0.0)
        return replace(answer, hits=self.found)


def leaks_of(hole: Hole, query: Query) -> Hidden:
    """Whether a hit shows the place that `hole` was cut from, what the prompt shows around it, or a copy of either."""
    first, last = _lines_of(hole)
    shown = (min(first, query.visible[0]), max(last, query.visible[1] + last - first))
    own = _words_around(hole, first, last)
    # What stands behind the end of a file that is still being written is not there yet.
    is_unwritten = hole.kind == "end"

    def leaks(hit: Hit) -> bool:
        is_shown = hit.end_line >= shown[0] and (hit.start_line <= shown[1] or is_unwritten)
        in_place = hit.path == query.path and is_shown
        return in_place or _similarity(frozenset(words(hit.text)), own) >= _COPY

    return leaks


def uncut(text: str, hole: Hole) -> str:
    """Score what users get."""
    return text


def compare(holes: Iterable[Hole], parts: Parts, max_new_tokens: int, cut: Cut = uncut) -> Iterator[Outcome]:
    """Complete each hole without and with retrieval; the two share the prefill of the file's own context.

    `cut` shortens answers before they are scored, as a benchmark prescribes. A pair reads all for itself, so that its
    time is what users wait.
    """
    if parts.retriever is None:
        raise ValueError("a counterfactual needs a retriever")
    for hole in holes:
        blind = BlindRetriever(parts.retriever, hole)
        without, retrieved = (
            Attempt.of(complete(_request(hole, how, max_new_tokens), replace(parts, retriever=blind)), hole, cut)
            for how in _BRANCHES
        )
        said, ms = without.completion.retrieval.probability, 0.0
        if said is None:
            started = time.perf_counter()
            said = expectation(_request(hole, "auto", max_new_tokens), parts.policy, hole.mode) or 0.0
            ms = 1000 * (time.perf_counter() - started)
        pair = None
        if parts.pair is not None:
            forget(parts.generator, parts.pair.drafter)
            pair = answer(hole, parts, max_new_tokens, cut)
        yield Outcome(hole, without, retrieved, said, tuple(blind.found), blind.best_jaccard, ms, pair)


def forget(*generators: Generator) -> None:
    """Drop what was read for earlier answers, so that the next one takes what it takes from nothing."""
    for each in generators:
        if isinstance(each, LocalGenerator):
            each.cache.truncate(0)


def answer(hole: Hole, parts: Parts, max_new_tokens: int, cut: Cut = uncut) -> Attempt:
    """The answer to `hole` as users get it, the policy deciding; nothing is withheld."""
    if parts.retriever is not None:
        parts = replace(parts, retriever=BlindRetriever(parts.retriever, hole))
    return Attempt.of(complete(_request(hole, "auto", max_new_tokens), parts), hole, cut)


def misled(hole: Hole, other: Hole, parts: Parts, max_new_tokens: int, cut: Cut = uncut) -> Attempt:
    """The answer to `hole` when the chunks are those found for an `other` place: how much harm bad retrieval does."""
    if parts.retriever is None:
        raise ValueError("a counterfactual needs a retriever")
    aside = _Elsewhere(BlindRetriever(parts.retriever, other), other, parts.generator)
    blind = BlindRetriever(aside, hole)
    return Attempt.of(complete(_request(hole, "always", max_new_tokens), replace(parts, retriever=blind)), hole, cut)


def given(hole: Hole, hits: Sequence[Hit], generator: LocalGenerator, max_new_tokens: int) -> Attempt:
    """The answer to `hole` when `hits`, best first, are what is retrieved."""
    parts = Parts(generator, generator, _Given(hits))
    return Attempt.of(complete(_request(hole, "always", max_new_tokens), parts), hole, uncut)


@dataclass(frozen=True, slots=True)
class _Given:
    """A retriever whose answer is known."""

    hits: Sequence[Hit]

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        return Retrieved(list(self.hits), {})


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A retriever that is asked about one place and answers for another."""

    inner: Retriever
    hole: Hole
    generator: Generator

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        document = self.hole.opened
        cursor = document.at_offset(self.hole.start)
        other = query_of(document, cursor, self.generator.window(document, cursor))
        return self.inner.find(other, action, hidden, deadline)


def _request(hole: Hole, retrieve: RetrieveMode, max_new_tokens: int) -> CompletionRequest:
    document = hole.opened
    return CompletionRequest(
        document=document,
        cursor=document.at_offset(hole.start),
        root=None,
        options=CompletionOptions(retrieve=retrieve, mode=hole.mode, max_new_tokens=max_new_tokens, min_confidence=0.0),
    )


def _lines_of(hole: Hole) -> tuple[int, int]:
    """First and last line of the hole in the file as it was."""
    return hole.document.at_offset(hole.start).line, hole.document.at_offset(hole.end).line


def _words_around(hole: Hole, first: int, last: int) -> frozenset[str]:
    lines = hole.document.data.decode().split("\n")
    return frozenset(words("\n".join(lines[max(0, first - 1 - _AROUND_LINES) : last + _AROUND_LINES])))


def _similarity(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 0.0
