"""Guess the next tokens by looking the last ones up in what was read: code repeats itself.

A guess is only ever confirmed or dropped by the model, so the answer stays the same; one run then yields
several tokens. Longest match first, and the latest occurrence wins.
"""

from __future__ import annotations

from collections.abc import Sequence

_LENGTHS = (3, 2)
"""Tokens that must match. A single token matches too often to be worth the wider run."""


class NgramLookup:
    """What followed each pair and triple of tokens, kept up to date while tokens are added."""

    def __init__(self, ids: Sequence[int], count: int) -> None:
        """Index `ids`; guesses have up to `count` tokens."""
        self._count = count
        self._ids: list[int] = []
        self._following: dict[tuple[int, ...], int] = {}
        self.extend(ids)

    def extend(self, ids: Sequence[int]) -> None:
        """Add tokens at the end."""
        known = self._ids
        for token in ids:
            # Recorded when its successor comes, so that the end of the text never finds itself.
            for n in _LENGTHS:
                if len(known) >= n:
                    self._following[tuple(known[-n:])] = len(known)
            known.append(token)

    def guess(self) -> list[int]:
        """Up to `count` tokens that may come next; none where nothing matches."""
        for n in _LENGTHS:
            at = self._following.get(tuple(self._ids[-n:]))
            if at is not None:
                return self._ids[at : at + self._count]
        return []
