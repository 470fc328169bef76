"""A hole as retrieval meets it: what is asked, what must stay hidden, and which identifiers there are to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from repocomp.complete.parts import Loaded
from repocomp.complete.pipeline import query_of
from repocomp.evaluate.counterfactual import leaks_of
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.metrics import identifiers
from repocomp.languages.table import language_of
from repocomp.prompt import window as prompt
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.terms import words


@dataclass(frozen=True, slots=True)
class Place:
    """A hole's query; `leaks` says which hits show it, `unseen` names what the answer needs out of sight."""

    query: Query
    leaks: Callable[[Hit], bool]
    unseen: frozenset[str]

    @classmethod
    def of(cls, hole: Hole, loaded: Loaded) -> Place:
        """Open the file with the hole in it, as the pack would see it."""
        document = hole.opened
        cursor = document.at_offset(hole.start)
        context = loaded.context(document, cursor)
        query = query_of(document, cursor, context)
        return cls(query, leaks_of(hole, query), unseen_identifiers(hole, context))


def unseen_identifiers(hole: Hole, context: prompt.Context) -> frozenset[str]:
    """Identifiers of the answer, the one that the cursor cuts included, that the visible part of the file lacks."""
    answer = context.begun.lstrip() + hole.answer.replace("\r\n", "\n")
    before = context.left[: len(context.left) - len(context.begun)]
    visible = {*words(before), *words(context.right)}
    return frozenset(identifiers(answer, language_of(hole.document.path))) - visible
