"""The mixture that makes observed tokens most likely: its likelihood, the gradient of that, and the fit.

Each token is a mixture of the language model and the cache by match length, whose shares depend on how long and how
unanimous the matches are and on how sure the model is; places vote by the rank of the hit they stand in
(`model.pack.CacheMixture`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.generate.local.ngram_cache import EVIDENCE, LEAST, MAX_ORDER, Places, log_odds
from repocomp.model.pack import CacheMixture
from repocomp.stats.descent import adam

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_STEPS, _RATE = 300, 0.05
_START = -1.5
_DOUBT = 10
"""Imagined observations on which the cache was of no use: a cell seen a few times is trusted little."""
_SCALARS = 4
_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it was met: the model's probability of the truth, and the log-odds of its first choice.

    Of the places where the end stood before [n]: match lengths, ranks of the hits (0: the file), the model's
    probabilities of what stands there, and whether that is the truth. `evidence` is by match length.
    """

    probability: float
    log_odds: float
    orders: Ints
    ranks: Floats
    said: Floats
    is_true: Bools
    evidence: list[int]

    @classmethod
    def of(cls, probabilities: npt.NDArray[np.float32], places: Places, truth: int) -> Token:
        """What is known before `truth`; the votes of the `places` are ranks, and one more."""
        return cls(
            float(probabilities[truth]),
            log_odds(float(probabilities.max())),
            places.orders.astype(np.int64),
            places.votes.astype(np.float64) - 1,
            np.maximum(probabilities[places.following], LEAST).astype(np.float64),
            places.following == truth,
            places.evidence(),
        )

    def to_json(self) -> list[Any]:
        """Plain values, read back by `from_json`."""
        lists = (self.orders, self.ranks, self.said.round(_DIGITS), self.is_true)
        return [round(self.probability, _DIGITS), self.log_odds, *(one.tolist() for one in lists), self.evidence]

    @classmethod
    def from_json(cls, values: list[Any]) -> Token:
        """A token as `to_json` wrote it, what lies below its digits raised to the least that counts."""
        probability, odds, orders, ranks, said, is_true, evidence = values
        likely = np.maximum(np.array(said, np.float64), LEAST)
        places = np.array(orders, np.int64), np.array(ranks, np.float64), likely, np.array(is_true, np.bool_)
        return cls(max(probability, LEAST), odds, *places, evidence)


def most_likely(seen: Sequence[Token]) -> tuple[CacheMixture, float]:
    """The mixture that makes `seen` most likely, and its nats per token."""
    places = _Flat.of(seen)
    start = np.concatenate([np.full(MAX_ORDER * EVIDENCE, _START), np.zeros(_SCALARS)])
    found = adam(lambda point: places.nats(point)[1] + _penalty(point, len(seen)), start, _STEPS, _RATE)
    table, scalars = _parts(found.round(4))
    odds = tuple((one, agree, differ) for one, agree, differ in table.tolist())
    return CacheMixture(odds, *scalars.tolist()), places.nats(found)[0]


def _parts(point: Floats) -> tuple[Floats, Floats]:
    """The log-odds [MAX_ORDER, EVIDENCE], and doubt, agreement, lead and decay."""
    return point[:-_SCALARS].reshape(MAX_ORDER, EVIDENCE), point[-_SCALARS:]


def _penalty(point: Floats, tokens: int) -> Floats:
    """The gradient of what the imagined observations cost."""
    slope = _DOUBT / tokens / (1 + np.exp(-point))
    slope[-_SCALARS:] = 0.0
    return np.asarray(slope, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Flat:
    """All places of all T tokens in one row; `cell` is a place's token and match length, `level` [T, MAX_ORDER]."""

    alone: Floats
    log_odds: Floats
    cell: Ints
    ranks: Floats
    log_said: Floats
    is_true: Bools
    level: Ints
    is_met: Bools

    @classmethod
    def of(cls, seen: Sequence[Token]) -> _Flat:
        number = np.repeat(np.arange(len(seen)), [len(one.orders) for one in seen])
        level = np.zeros((len(seen), MAX_ORDER), dtype=np.int64)
        for at, one in enumerate(seen):
            level[at, : len(one.evidence)] = one.evidence
        orders, ranks, said, is_true = (
            np.concatenate([getattr(one, name) for one in seen]) for name in ("orders", "ranks", "said", "is_true")
        )
        return cls(
            np.array([max(one.probability, LEAST) for one in seen]),
            np.array([one.log_odds for one in seen]),
            number * MAX_ORDER + orders - 1,
            ranks,
            np.log(said),
            is_true,
            level,
            np.arange(MAX_ORDER) < np.array([[len(one.evidence)] for one in seen]),
        )

    def nats(self, point: Floats) -> tuple[float, Floats]:
        """Mean negative log-likelihood of the truth by `ngram_cache.mix`, and its gradient by `point`."""
        table, (doubt, agreement, lead, decay) = _parts(point)
        of_hits = self.ranks > 0
        log_rank = np.log(np.maximum(self.ranks, 1))
        votes = np.exp(np.where(of_hits, lead - decay * log_rank, 0.0) + agreement * self.log_said)
        totals = np.maximum(self._from_order(votes), LEAST**2)
        said = self._from_order(votes * self.is_true) / totals
        share = self.is_met / (1 + np.exp(-table[np.arange(MAX_ORDER), self.level] - doubt * self.log_odds[:, None]))
        below = [self.alone]
        for order in range(MAX_ORDER):
            below.append((1 - share[:, order]) * below[-1] + share[:, order] * said[:, order])
        by_share, by_said = self._backwards(below, share, said)
        by_vote = votes * self._of_places(by_said / totals, said)
        scalars = [
            (by_share * self.log_odds[:, None]).sum(),
            (by_vote * self.log_said).sum(),
            by_vote[of_hits].sum(),
            -(by_vote * log_rank)[of_hits].sum(),
        ]
        cells = np.arange(MAX_ORDER) * EVIDENCE + self.level
        by_table = np.bincount(cells.ravel(), by_share.ravel(), MAX_ORDER * EVIDENCE)
        return float(-np.log(below[-1]).mean()), np.concatenate([by_table, scalars])

    def _backwards(self, below: Sequence[Floats], share: Floats, said: Floats) -> tuple[Floats, Floats]:
        """Gradients [T, MAX_ORDER] by the log-odds of the shares and by what the cache said, from the last order."""
        by_share, by_said = np.empty_like(share), np.empty_like(share)
        slope = -1 / (below[-1] * len(self.alone))
        for order in reversed(range(MAX_ORDER)):
            of, by = share[:, order], slope * (said[:, order] - below[order])
            by_share[:, order] = by * of * (1 - of)
            by_said[:, order] = slope * of
            slope = slope * (1 - of)
        return by_share, by_said

    def _of_places(self, weight: Floats, said: Floats) -> Floats:
        """The gradient [n] by the vote of each place: it counts for its own match length and all shorter ones."""
        by_true, by_any = weight.cumsum(1).ravel(), (weight * said).cumsum(1).ravel()
        return np.asarray(self.is_true * by_true[self.cell] - by_any[self.cell], dtype=np.float64)

    def _from_order(self, votes: Floats) -> Floats:
        """Sums of votes [T, MAX_ORDER] over the places that match so many tokens or more."""
        sums = np.bincount(self.cell, votes, self.level.size).reshape(self.level.shape)
        return np.asarray(sums[:, ::-1].cumsum(1)[:, ::-1], dtype=np.float64)
