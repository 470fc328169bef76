"""A hole as retrieval meets it: what is asked, what must stay hidden, and which identifiers there are to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from repocomp.complete.place import query_of
from repocomp.evaluate.counterfactual import leaks_of
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.metrics import identifiers
from repocomp.generate.generator import Generator
from repocomp.languages.table import language_of
from repocomp.prompt.window import Window
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
    def of(cls, hole: Hole, generator: Generator) -> Place:
        """Open the file with the hole in it, as the pack would see it."""
        document = hole.opened
        cursor = document.at_offset(hole.start)
        window = generator.window(document, cursor)
        query = query_of(document, cursor, window)
        return cls(query, leaks_of(hole, query), unseen_identifiers(hole, window))


def unseen_identifiers(hole: Hole, window: Window) -> frozenset[str]:
    """Identifiers of the answer, the one that the cursor cuts included, that the visible part of the file lacks."""
    answer = window.open_end.lstrip() + hole.answer.replace("\r\n", "\n")
    before = window.left[: len(window.left) - len(window.open_end)]
    visible = {*words(before), *words(window.right)}
    return frozenset(identifiers(answer, language_of(hole.document.path))) - visible
