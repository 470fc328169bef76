"""What the text at hand says comes next: code repeats itself, and a small model copies worse than a table.

The last tokens are looked up in everything at hand: the file on both sides of the cursor, the retrieved chunks and the
answer so far, also where the prompt had no room for them. What followed the longest match serves twice. As a *guess*
it rides along in the next run and is confirmed or dropped (prompt lookup decoding): the answer comes sooner and stays
the same. As a *distribution* it is mixed into the model's own (a cache language model, Kuhn and De Mori 1990; by
matches as in kNN-LM, Khandelwal et al. 2020), with weights that held-out code chose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.model.pack import CacheMixture

Tokens = npt.NDArray[np.int32]
Probabilities = npt.NDArray[np.float32]

MAX_ORDER = 8
"""Matches are not followed further back than this."""
EVIDENCE = 3
_GUESS_ORDER = 2
"""A single token matches too often to be worth the wider run."""
BOUNDARY = -1
"""Stands between parts that do not follow each other: no match runs across it and nothing follows from it."""
LEAST = 1e-6
"""Probabilities closer to 0 or 1 than this are taken to be this far."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the end stood before: `at` [n] right after, in order; `following` [n] stands there and has `votes` [n].

    `orders` [n] say how many tokens before each place are those of the end, `longest` is the most of them.
    """

    at: npt.NDArray[np.intp]
    following: Tokens
    votes: npt.NDArray[np.float32]
    orders: npt.NDArray[np.int32]
    longest: int

    def longest_before(self, token: int) -> int:
        """The most tokens that stood before `token` as they stand at the end; 0 where it never followed them."""
        return int(self.orders[self.following == token].max(initial=0))

    def evidence(self) -> list[int]:
        """For matches of 1 .. `longest` tokens: 0: one occurrence, 1: several that agree, 2: several that do not."""
        if not self.longest:
            return []
        other = self.following != self.following[self.orders.argmax()]
        disputed = int(self.orders[other].max(initial=0))
        counts = np.bincount(self.orders)[:0:-1].cumsum()[::-1].tolist()
        return [2 if order <= disputed else min(count, 2) - 1 for order, count in enumerate(counts, 1)]


class NgramCache:
    """A sequence of tokens that knows what followed its end before."""

    def __init__(self, ids: Sequence[int], votes: npt.ArrayLike | None = None) -> None:
        """Begin with `ids`, which may hold boundaries; the answer goes at their end. Without `votes` each has one."""
        self._ids: Tokens = np.array(ids, np.int32)
        self._votes = np.ones(len(ids), np.float32) if votes is None else np.array(votes, np.float32)
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
        return Places(at, self._ids[at], self._votes[at], orders, int(orders.max(initial=0)))

    def guess(self, places: Places, count: int) -> list[int]:
        """Up to `count` tokens that may come next: what followed the latest place of the longest match."""
        if places.longest < _GUESS_ORDER:
            return []
        start = int(places.at[places.orders == places.longest][-1])
        following: list[int] = self._ids[start : min(start + count, self._length)].tolist()
        return following[: following.index(BOUNDARY)] if BOUNDARY in following else following

    def _add(self, token: int) -> None:
        end = self._length
        if end + 1 >= len(self._orders):
            self._ids = np.concatenate([self._ids, np.zeros(end + 1, np.int32)])
            self._votes = np.concatenate([self._votes, np.ones(end + 1, np.float32)])
            self._orders = np.concatenate([self._orders, np.zeros(end + 1, np.int32)])
        self._ids[end] = token
        self._length = end + 1
        before, after = self._ids[:end], self._ids[1 : end + 1]
        # A match goes on where this token follows, and ends elsewhere.
        met = ((before == token) & (after != BOUNDARY) & (token != BOUNDARY)).nonzero()[0]
        orders = self._orders[met] + 1
        self._orders[self._at] = 0
        self._at = met + 1
        self._orders[self._at] = orders


def mix(probabilities: Probabilities, places: Places, mixture: CacheMixture) -> Probabilities:
    """The model's `probabilities` [V] refined by each match, the shortest first: p <- (1 - w) p + w cache.

    Interpolation as in Jelinek and Mercer (1980), with the language model as the order below one token.
    """
    if not mixture.odds or not places.longest:
        return probabilities
    said = np.maximum(probabilities[places.following], LEAST).astype(np.float64)
    votes = places.votes * said**mixture.agreement
    totals = np.bincount(places.orders, votes)[:0:-1].cumsum()[::-1].tolist()
    doubt = mixture.doubt * log_odds(float(probabilities.max()))
    # The longest first: each leaves the shorter ones what it did not take, and the vocabulary is walked once.
    left, a_vote = 1.0, np.zeros(places.longest + 1)
    for order, evidence in reversed(list(enumerate(places.evidence(), 1))):
        share = 1 / (1 + math.exp(-mixture.odds[order - 1][evidence] - doubt))
        a_vote[order] = left * share / totals[order - 1]
        left *= 1 - share
    mixed: Probabilities = probabilities * np.float32(left)
    np.add.at(mixed, places.following, (votes * a_vote.cumsum()[places.orders]).astype(np.float32))
    return mixed


def log_odds(probability: float) -> float:
    """In nats, no further than those of `LEAST`."""
    sure = min(1 - LEAST, max(LEAST, probability))
    return math.log(sure / (1 - sure))
