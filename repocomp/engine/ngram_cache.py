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
_DOWN = np.arange(MAX_ORDER, 0, -1, dtype=np.int32)[:, None]


@dataclass(frozen=True, slots=True)
class Match:
    """The last `order` tokens stood before, and `following` [n] is what stood right after."""

    order: int
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


@dataclass(frozen=True, slots=True)
class Places:
    """Where the end stood before: `at` [n] right after, in order; `following` [n] stands there.

    `orders` [n] say how many tokens before each place are those of the end, `longest` is the most of them.
    """

    at: npt.NDArray[np.intp]
    following: Tokens
    orders: npt.NDArray[np.int32]
    longest: int

    @property
    def disputed(self) -> int:
        """The longest order whose places do not agree on what follows; 0: all agree."""
        other = self.following != self.following[self.orders.argmax()]
        return int(self.orders[other].max(initial=0))


class NgramCache:
    """A sequence of tokens that knows what followed its end before."""

    def __init__(self, ids: Sequence[int]) -> None:
        """Begin with `ids`, which may hold walls; their end is where the answer goes."""
        self._ids: Tokens = np.array(ids, np.int32)
        self._length = max(0, len(ids) - MAX_ORDER)
        # How many tokens before each place are those of the end, and at which places there are any.
        self._orders: Tokens = np.zeros(len(ids) + 1, np.int32)
        self._at = np.zeros(0, np.intp)
        self.extend(ids[self._length :])

    def extend(self, ids: Sequence[int]) -> None:
        """Add tokens at the end."""
        for token in ids:
            self._add(token)

    def places(self) -> Places:
        """Where the end stood before, by up to `MAX_ORDER` tokens."""
        at = self._at
        orders = np.minimum(self._orders[at], MAX_ORDER)
        return Places(at, self._ids[at], orders, int(orders.max(initial=0)))

    def matches(self) -> list[Match]:
        """What followed the last token, the last two, and so on, while that is anything."""
        places = self.places()
        return [Match(order, places.following[places.orders >= order]) for order in range(1, places.longest + 1)]

    def guess(self, places: Places, count: int) -> list[int]:
        """Up to `count` tokens that may come next: what followed the latest place of the longest match."""
        if places.longest < _GUESS_ORDER:
            return []
        start = int(places.at[places.orders == places.longest][-1])
        following: list[int] = self._ids[start : min(start + count, self._length)].tolist()
        return following[: following.index(WALL)] if WALL in following else following

    def _add(self, token: int) -> None:
        end = self._length
        if end + 1 >= len(self._orders):
            self._ids = np.concatenate([self._ids, np.zeros(end + 1, np.int32)])
            self._orders = np.concatenate([self._orders, np.zeros(end + 1, np.int32)])
        self._ids[end] = token
        self._length = end + 1
        before, after = self._ids[:end], self._ids[1 : end + 1]
        # A match goes on where this token follows, and ends elsewhere.
        met = ((before == token) & (after != WALL) & (token != WALL)).nonzero()[0]
        orders = self._orders[met] + 1
        self._orders[self._at] = 0
        self._at = met + 1
        self._orders[self._at] = orders


def mix(probabilities: Probabilities, places: Places, weights: CacheWeights) -> Probabilities:
    """The model's `probabilities` [V] refined by each match, the shortest first: p <- (1 - w) p + w cache.

    Interpolation as in Jelinek and Mercer (1980), with the language model as the order below one token.
    """
    if not weights or not places.longest:
        return probabilities
    # The longest first: each leaves the shorter ones what it did not take, and the vocabulary is walked once.
    is_part = places.orders >= _DOWN[-places.longest :]
    match, place = is_part.nonzero()
    left, parts, disputed = 1.0, [], places.disputed
    for order, count in zip(range(places.longest, 0, -1), np.bincount(match).tolist(), strict=True):
        share = weights[order - 1][2 if order <= disputed else min(count, 2) - 1]
        parts.append(left * share / count)
        left *= 1 - share
    mixed: Probabilities = probabilities * np.float32(left)
    np.add.at(mixed, places.following[place], np.array(parts, np.float32)[match])
    return mixed
