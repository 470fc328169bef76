"""What other drafts say of one: two that came to the same text by different ways are seldom both wrong.

A draft is judged by its own figures and by how much of it the others say, each kind of draft by what was fitted to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from repocomp.complete.draft import Draft
from repocomp.model.confidence import Confidence
from repocomp.model.pairing import Author
from repocomp.stats.sequences import similarity


def beside(figures: Mapping[str, float], shares: Mapping[Author, float]) -> dict[str, float]:
    """The `figures` of a draft, with how alike (the `shares`, 0..1) its text is to those of others."""
    others: dict[str, float] = {}
    for author, share in shares.items():
        others |= {f"beside_{author}": 1.0, f"alike_{author}": share, f"same_{author}": float(share == 1.0)}
    return {**figures, **others}


def alike(texts: Mapping[Author, str]) -> dict[Author, dict[Author, float]]:
    """How alike (0..1) each text is to each of the others."""
    return {
        author: {other: similarity(text, said) for other, said in texts.items() if other != author}
        for author, text in texts.items()
    }


def judged(
    drafts: Mapping[Author, Draft],
    fits: Mapping[Author, Confidence],
    learned: Callable[[Confidence], Confidence | None],
) -> tuple[Draft, ...]:
    """The `drafts`, each as sure as it is beside the others, by its one of the `fits` as it was `learned` here.

    What nothing is known of, an empty one or that of a server that tells no probabilities, stays as it is.
    """
    shares = alike({author: draft.text for author, draft in drafts.items()})
    return tuple(
        draft.judged(learned(fits[author]), beside(draft.figures, shares[author])) if draft.figures else draft
        for author, draft in drafts.items()
    )
