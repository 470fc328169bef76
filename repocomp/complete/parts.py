"""What a completion stands on, opened once per process and handed in: models, and the index if there is one.

Tests hand in fakes; evaluation hands in a retriever that cannot see the answer. Nothing is opened at import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from repocomp.generate.generator import Generator, Policy
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import Pairing
from repocomp.policy.select import Action
from repocomp.policy.selector import Selector
from repocomp.policy.speak import GENERIC
from repocomp.request import CompletionOptions
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import Hidden, Retrieved, retrieve
from repocomp.store.index.reader import IndexReader


class Retriever(Protocol):
    """Finds chunks of other places for a cursor."""

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        """Ranked chunks by `action`, best first; nothing that the prompt already shows, nor what is `hidden`.

        Arms whose turn comes after the `deadline` (`time.monotonic` seconds) are left out.
        """


@dataclass(frozen=True, slots=True)
class IndexRetriever:
    """The retriever over a repository's index."""

    reader: IndexReader

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        """Ask the arms of `action` and order what they draw."""
        return retrieve(
            self.reader,
            query,
            arms=action.arms,
            top_k=action.draws,
            hidden=hidden,
            is_ranked=action.is_ranked,
            deadline=deadline,
        )


BESIDE = 0.75
"""Of its budgets, for the file and for other files, a generator spends so much where it reads beside a first draft.

Qwen2.5-Coder-0.5B-Instruct, edit similarity with half, three quarters and all of them: 59.1, 62.0, 62.4 on 339 holes of
34 repositories; 52.6, 52.4, 51.0 on 184 where other files have to be read (before punctuation was healed).
"""


def tokens_beside(generator: Generator) -> int:
    """So many tokens of other files a generator reads beside a first draft."""
    return int(BESIDE * generator.snippet_tokens)


@dataclass(frozen=True, slots=True)
class Pair:
    """A small pack that drafts first, and how the two decide together."""

    drafter: Generator
    pairing: Pairing


@dataclass(frozen=True, slots=True)
class Parts:
    """A policy and a generator, often one pack in both roles, and a retriever where there is an index.

    Without a `selector` the shipped arms are asked, without a `pair` the generator answers alone.
    """

    policy: Policy
    generator: Generator
    retriever: Retriever | None
    selector: Selector | None = None
    pair: Pair | None = None

    def pair_for(self, options: CompletionOptions) -> Pair | None:
        """The pair, where it is asked: who says whether to retrieve, or wants several answers, gets the generator's."""
        return self.pair if options.retrieve == "auto" and options.candidates == 1 else None

    def snippet_tokens(self, options: CompletionOptions) -> int:
        """So many tokens of other files the generator reads for one answer, beside a first draft fewer than alone."""
        return self.generator.snippet_tokens if self.pair_for(options) is None else tokens_beside(self.generator)

    def least_confidence(self, options: CompletionOptions) -> float:
        """The bound below which an answer is withheld: that of the request, else of what judges it."""
        if options.min_confidence is not None:
            return options.min_confidence
        pair = self.pair_for(options)
        fit = self.confidence(has_read=True) if pair is None else pair.pairing.drafts["read"]
        return (fit or GENERIC).threshold

    def confidence(self, *, has_read: bool) -> Confidence | None:
        """What judges the generator alone: what was fitted to it, else to the one that the pair was fitted with."""
        fitted = self.generator.confidence
        if fitted is None and self.pair is not None:
            fitted = self.pair.pairing.drafts["read" if has_read else "unread"]
        return self.judge(fitted)

    def judge(self, shipped: Confidence | None) -> Confidence | None:
        """A confidence as it was learned here."""
        return shipped if self.selector is None else self.selector.confidence(shipped)

    @property
    def is_self_selecting(self) -> bool:
        """Whether one pack has both roles, so that asking it costs nothing beside what it reads anyway."""
        return id(self.policy) == id(self.generator)
