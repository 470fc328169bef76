"""How far to trust the n-gram cache: the mixture that makes held-out code most likely.

Each token is a mixture of the language model and the cache by match length, whose shares depend on how long and how
unanimous the matches are and on how sure the model is; places vote by the rank of the hit they stand in
(`model.pack.CacheMixture`). All of it is fitted by gradient descent on the likelihood of the truth.

Likely is not the same as similar: greedy text that follows one source for a while is closer to the truth than text that
changes sources at every token. So the shares are raised together, by `trust` in their log-odds, as far as held-out edit
similarity rises.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from repocomp.complete.copy_sources import copy_sources
from repocomp.evaluate.holes import Hole
from repocomp.generate.generator import Task
from repocomp.generate.local.copying import ngram_cache
from repocomp.generate.local.decode import softmax
from repocomp.generate.local.generator import LocalGenerator
from repocomp.generate.local.ngram_cache import EVIDENCE, LEAST, MAX_ORDER, Places, log_odds
from repocomp.model.pack import CacheMixture
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.retrieve.hit import Hit
from repocomp.train.lm.label import Repository, outcomes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TRUSTS = (0.0, 0.5, 1.0)

_STEPS, _RATE = 300, 0.05
_START = -1.5
_DOUBT = 10
"""Imagined observations on which the cache was of no use: a cell seen a few times is trusted little."""


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
    is_true: npt.NDArray[np.bool_]
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


@dataclass(frozen=True, slots=True)
class MixFit:
    """The mixture before trust is applied, and bits per token of the answers without and with it, on the same holes."""

    mixture: CacheMixture
    tokens: int
    bits_alone: float
    bits_mixed: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """A fitted mixture with the trust that serves best, and edit similarity (0..1) by trust."""

    fit: MixFit
    trust: dict[float, float]

    @property
    def similarity(self) -> float:
        """That of the best trust."""
        return max(self.trust.values())

    @property
    def mixture(self) -> CacheMixture:
        """The one to use."""
        return trusted(self.fit.mixture, max(self.trust, key=lambda trust: self.trust[trust]))


def choose_mixture(
    repositories: Sequence[Repository],
    loaded: LocalGenerator,
    holes_each: int,
    progress: OnProgress,
) -> Chosen:
    """Fit the mixture on holes of each repository, and choose how far it is trusted."""
    found = fit_mixture(repositories, loaded, holes_each, progress=progress)
    return Chosen(found, choose_trust(repositories, loaded, found.mixture, holes_each, progress=progress))


def trusted(mixture: CacheMixture, trust: float) -> CacheMixture:
    """The mixture with the log-odds of all shares raised together."""
    raised = (np.array(mixture.odds) + trust).round(4).tolist()
    return replace(mixture, odds=tuple((one, agree, differ) for one, agree, differ in raised))


def choose_trust(
    repositories: Sequence[Repository],
    loaded: LocalGenerator,
    mixture: CacheMixture,
    holes_each: int,
    seed: int = 0,
    progress: OnProgress = ignore,
) -> dict[float, float]:
    """Edit similarity (0..1, mean of without and with retrieval) by trust; the best one is the one to use."""
    found = {}
    for at, trust in enumerate(TRUSTS):
        pack = replace(loaded.pack, cache=trusted(mixture, trust))
        outcome_of = (outcomes(repository, replace(loaded, pack=pack), holes_each, seed) for repository in repositories)
        scores = [(one.without.similarity + one.retrieved.similarity) / 2 for some in outcome_of for one in some]
        found[trust] = round(float(np.mean(scores)), 4)
        progress(Progress(at + 1, len(TRUSTS), f"trust {trust}"))
    return found


def fit_mixture(
    repositories: Iterable[Repository],
    loaded: LocalGenerator,
    holes_each: int,
    seed: int = 0,
    progress: OnProgress = ignore,
) -> MixFit:
    """Read holes of each repository without and with retrieval, and fit the mixture to all tokens of their answers."""
    seen: list[Token] = []
    for repository in repositories:
        # What the answers would be does not matter here, only what is retrieved for them.
        for at, outcome in enumerate(outcomes(repository, loaded, holes_each, seed, max_new_tokens=1)):
            for hits in ((), outcome.found):
                seen.extend(_observe(outcome.hole, hits, loaded))
            progress(Progress(at + 1, holes_each, repository.name))
    mixture, nats = most_likely(seen)
    alone = -np.log([max(one.probability, LEAST) for one in seen]).mean()
    return MixFit(mixture, len(seen), *(round(float(value) / math.log(2), 4) for value in (alone, nats)))


def most_likely(seen: Sequence[Token]) -> tuple[CacheMixture, float]:
    """The mixture that makes `seen` most likely, and its nats per token."""
    places = _Flat.of(seen)
    table = torch.full((MAX_ORDER, EVIDENCE), _START, dtype=torch.float64, requires_grad=True)
    scalars = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([table, scalars], lr=_RATE)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        loss = places.nats(table, scalars) + _DOUBT * torch.nn.functional.softplus(table).sum() / len(seen)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        nats = float(places.nats(table, scalars))
    odds = tuple((one, agree, differ) for one, agree, differ in table.detach().numpy().round(4).tolist())
    return CacheMixture(odds, *scalars.detach().numpy().round(4).tolist()), nats


@dataclass(frozen=True, slots=True)
class _Flat:
    """All places of all tokens in one row; `cell` is a place's token and match length, `level` [tokens, MAX_ORDER]."""

    alone: torch.Tensor
    log_odds: torch.Tensor
    cell: torch.Tensor
    rank: torch.Tensor
    said: torch.Tensor
    is_true: torch.Tensor
    level: torch.Tensor
    is_met: torch.Tensor

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
            torch.tensor([max(one.probability, LEAST) for one in seen], dtype=torch.float64),
            torch.tensor([one.log_odds for one in seen], dtype=torch.float64),
            torch.from_numpy(number * MAX_ORDER + orders - 1),
            torch.from_numpy(ranks),
            torch.from_numpy(np.log(said)),
            torch.from_numpy(is_true.astype(np.float64)),
            torch.from_numpy(level),
            torch.from_numpy(np.arange(MAX_ORDER) < np.array([[len(one.evidence)] for one in seen])),
        )

    def nats(self, table: torch.Tensor, scalars: torch.Tensor) -> torch.Tensor:
        """Mean negative log-likelihood: `ngram_cache.mix` of the truth alone, so that it has a slope."""
        doubt, agreement, lead, decay = scalars
        by_rank = torch.where(self.rank > 0, lead - decay * torch.log(self.rank.clamp(min=1)), 0.0)
        votes = torch.exp(by_rank + agreement * self.said)
        totals, true = (self._from_order(votes * of) for of in (torch.ones(()), self.is_true))
        said = true / totals.clamp(min=LEAST**2)
        orders = torch.arange(MAX_ORDER)
        share = torch.sigmoid(table[orders, self.level] + doubt * self.log_odds[:, None]) * self.is_met
        found = self.alone
        for order in range(MAX_ORDER):
            found = (1 - share[:, order]) * found + share[:, order] * said[:, order]
        return -torch.log(found).mean()

    def _from_order(self, votes: torch.Tensor) -> torch.Tensor:
        """Sums of votes [tokens, MAX_ORDER] over the places that match so many tokens or more."""
        sums = torch.zeros(self.level.numel(), dtype=torch.float64).index_add(0, self.cell, votes)
        return sums.view(self.level.shape).flip(1).cumsum(1).flip(1)


def _observe(hole: Hole, hits: Sequence[Hit], loaded: LocalGenerator) -> Iterator[Token]:
    """Every token of the answer, its end included, as it would be met with `hits` retrieved."""
    document = hole.opened
    cursor = document.at_offset(hole.start)
    window = loaded.window(document, cursor)
    snippets = loaded.fit(hits, loaded.snippet_tokens)
    task = Task(window, tuple(snippets), copy_sources(document, cursor, window, hits))
    middle = loaded.spell(window, hole.answer)
    ngrams = ngram_cache(task, loaded.tokenizer.encode, lambda rank: 1.0 + rank)
    for row, token in zip(loaded.logits(task, middle), [*middle, loaded.pack.tokens.end], strict=True):
        yield Token.of(softmax(row), ngrams.places(), token)
        ngrams.extend([token])
