"""Which of the ranked hits enter the prompt: as many as fit, cut at line ends, the best one nearest the code.

A pack whose model reads less well than a table copies has no budget for them, and its prompt is that of skipping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from repocomp.retrieve.hit import Hit

_LEAST_TOKENS = 24
"""Less room than this holds a path and no code."""
_COPIED = 10
"""Hits that stand for all where none is read: those asked of an arm."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A hit as it stands in the prompt: `ids` opens with the file token and the path. None: it is only copied from."""

    hit: Hit
    ids: tuple[int, ...]


def fit(hits: Sequence[Hit], encode: Callable[[str], list[int]], file_token: int, budget: int) -> list[Snippet]:
    """Render hits, best first, until `budget` tokens are full; returned in prompt order, the best one last.

    Without a budget the first hits are named, and none is rendered.
    """
    if not budget:
        return [Snippet(hit, ()) for hit in hits[:_COPIED]][::-1]
    snippets: list[Snippet] = []
    for hit in hits:
        if budget < _LEAST_TOKENS:
            break
        head = [file_token, *encode(hit.path + "\n")]
        body = _cut(hit.text, encode, budget - len(head))
        if body:
            snippets.append(Snippet(hit, (*head, *body)))
            budget -= len(head) + len(body)
    return snippets[::-1]


def _cut(text: str, encode: Callable[[str], list[int]], budget: int) -> list[int]:
    """Ids of as many whole lines from the start of `text` as fit."""
    lines = text.rstrip("\n").split("\n")
    ids = encode("\n".join(lines) + "\n")
    while len(ids) > budget and len(lines) > 1:
        lines = lines[: max(1, min(len(lines) - 1, len(lines) * budget // len(ids)))] if budget > 0 else lines[:1]
        ids = encode("\n".join(lines) + "\n")
    return ids if len(ids) <= budget else []
