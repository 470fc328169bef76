"""Which of the ranked hits enter the prompt: as many as fit, cut at line ends, the best one nearest the code.

A pack whose model reads less well than a table copies has no budget for them, and its prompt is that of skipping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from repocomp.retrieve.hit import Hit
from repocomp.secrets.redaction import REDACTED

Render = Callable[[str, str], list[int]]
"""The ids of a snippet in a prompt, given its path and its text (`PromptFormat.snippet`)."""

_LEAST_TOKENS = 24
"""Less room than this holds a path and no code."""
_COPIED = 10
"""Hits that stand for all where none is read: those asked of an arm."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A hit in the prompt: `text` is what is shown of it, `ids` its tokens. Both empty: it is only copied from."""

    hit: Hit
    text: str
    ids: tuple[int, ...]


def fit(hits: Sequence[Hit], render: Render, budget: int) -> list[Snippet]:
    """Render hits, best first, until `budget` tokens are full; returned in prompt order, the best one last.

    Without a budget the first hits are named, and none is rendered.
    """
    if not budget:
        return [Snippet(hit, "", ()) for hit in hits[:_COPIED]][::-1]
    snippets: list[Snippet] = []
    for hit in hits:
        if budget < _LEAST_TOKENS:
            break
        snippet = _cut(hit, render, budget)
        if snippet is not None:
            snippets.append(snippet)
            budget -= len(snippet.ids)
    return snippets[::-1]


def _cut(hit: Hit, render: Render, budget: int) -> Snippet | None:
    """As many whole lines from the start of `hit` as fit beside its head; None where not one does."""
    head = len(render(hit.path, ""))
    lines = hit.text.replace(REDACTED, "").rstrip("\n").split("\n")
    while True:
        text = "\n".join(lines) + "\n"
        ids = render(hit.path, text)
        if len(ids) <= budget:
            return Snippet(hit, text, tuple(ids)) if len(ids) > head else None
        if len(lines) == 1:
            return None
        room, size = budget - head, len(ids) - head
        lines = lines[: max(1, min(len(lines) - 1, len(lines) * room // size))] if room > 0 else lines[:1]
