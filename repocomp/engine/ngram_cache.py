"""What the text at hand says comes next: code repeats itself, and a small model copies worse than a table.

The last tokens are looked up in everything at hand: the file on both sides of the cursor, the retrieved chunks and the
answer so far, also where the prompt had no room for them. What followed the longest match serves twice. As a *guess*
it rides along in the next run and is confirmed or dropped (prompt lookup decoding): the answer comes sooner and stays
the same. As a *distribution* it is mixed into the model's own (a cache language model, Kuhn and De Mori 1990; by
matches as in kNN-LM, Khandelwal et al. 2020), with weights that held-out code chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.model.pack import CacheWeights

Tokens = npt.NDArray[np.int32]
Probabilities = npt.NDArray[np.float32]

MAX_ORDER = 8
"""Matches are not followed further back than this."""
EVIDENCE = 3
_GUESS_ORDER = 2
"""A single token matches too often to be worth the wider run."""
WALL = -1
"""Stands between parts that do not follow each other: no match runs across it and nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Match:
    """The last `order` tokens stood before: `at` [n] are the places right after, `following` [n] what stood there."""

    order: int
    at: npt.NDArray[np.intp]
    following: Tokens

    @property
    def evidence(self) -> int:
        """0: one occurrence, 1: several that agree, 2: several that do not."""
        if len(self.following) == 1:
            return 0
        return 1 if bool((self.following == self.following[0]).all()) else 2

    def share_of(self, token: int) -> float:
        """The cache's own probability of `token`."""
        return float((self.following == token).mean())


class NgramCache:
    """A sequence of tokens that knows what followed its end before."""

    def __init__(self, ids: Sequence[int]) -> None:
        """Begin with `ids`, which may hold walls; their end is where the answer goes."""
        self._ids: Tokens = np.array(ids, dtype=np.int32)
        self._length = len(ids)

    def extend(self, ids: Sequence[int]) -> None:
        """Add tokens at the end."""
        needed = self._length + len(ids)
        if needed > len(self._ids):
            self._ids = np.concatenate([self._ids[: self._length], np.zeros(needed, np.int32)])
        self._ids[self._length : needed] = ids
        self._length = needed

    def matches(self) -> list[Match]:
        """Where the end stood before: by its last token, its last two, and so on up to `MAX_ORDER`."""
        ids = self._ids[: self._length]
        if not self._length or ids[-1] == WALL:
            return []
        found: list[Match] = []
        at = np.flatnonzero(ids[:-1] == ids[-1])
        at = at[ids[at + 1] != WALL]
        while len(at):
            order = len(found) + 1
            found.append(Match(order, at + 1, ids[at + 1]))
            if order == min(MAX_ORDER, self._length) or ids[-1 - order] == WALL:
                break
            at = at[at >= order]
            at = at[ids[at - order] == ids[-1 - order]]
        return found

    def guess(self, matches: Sequence[Match], count: int) -> list[int]:
        """Up to `count` tokens that may come next: what followed the latest place of the longest match."""
        if len(matches) < _GUESS_ORDER:
            return []
        start = int(matches[-1].at[-1])
        following: list[int] = self._ids[start : min(start + count, self._length)].tolist()
        return following[: following.index(WALL)] if WALL in following else following


def mix(probabilities: Probabilities, matches: Sequence[Match], weights: CacheWeights) -> Probabilities:
    """The model's `probabilities` [V] refined by each match, the shortest first: p <- (1 - w) p + w cache.

    Interpolation as in Jelinek and Mercer (1980), with the language model as the order below one token.
    """
    if not weights or not matches:
        return probabilities
    left, parts = 1.0, []
    # The longest first: each leaves the shorter ones what it did not take, and the vocabulary is walked once.
    for match in reversed(matches):
        share = weights[match.order - 1][match.evidence]
        parts.append(np.full(len(match.following), left * share / len(match.following), np.float32))
        left *= 1 - share
    mixed: Probabilities = probabilities * np.float32(left)
    np.add.at(mixed, np.concatenate([match.following for match in reversed(matches)]), np.concatenate(parts))
    return mixed
