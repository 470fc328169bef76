"""How far to trust the n-gram cache: the shares that make held-out code most likely.

Each token is a mixture of known distributions, the language model and the cache by match length, whose shares depend on
the cell of the table that each match falls in. Expectation-maximisation finds them (Jelinek and Mercer 1980): the share
of a cell is how often it answered, among the times that no longer match did.

Likely is not the same as similar: greedy text that follows one source for a while is closer to the truth than text that
changes sources at every token. So the shares are raised together, p -> 1 - (1 - p)^trust, as far as held-out edit
similarity rises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from repocomp.complete import prompt
from repocomp.complete.parts import Loaded
from repocomp.complete.repeats import ngram_cache
from repocomp.engine.generate import prefill, softmax
from repocomp.engine.ngram_cache import EVIDENCE, MAX_ORDER
from repocomp.evaluate.holes import Hole
from repocomp.model.pack import CacheWeights
from repocomp.retrieve.arms.base import Hit
from repocomp.retrieve.budget import fit
from repocomp.train.label import Repository, outcomes

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.int64]

TRUSTS = (1.0, 2.0, 4.0, 8.0)

_CELLS = MAX_ORDER * EVIDENCE
_NO_CELL = -1
_ITERATIONS = 100
_START = 0.3
_DOUBT = 10
"""Imagined observations on which the cache was of no use: a cell seen a few times is trusted little."""


@dataclass(frozen=True, slots=True)
class _Observed:
    """One token: what the model [0] and each match length gave it, and the cell of the table each match falls in."""

    sources: list[float]
    cells: list[int]

    @classmethod
    def empty(cls, probability: float) -> _Observed:
        return cls([probability] + [0.0] * MAX_ORDER, [_NO_CELL] * (1 + MAX_ORDER))


@dataclass(frozen=True, slots=True)
class MixFit:
    """The table before trust is applied, and bits a token of the answers without and with it, on the same holes."""

    weights: CacheWeights
    tokens: int
    bits_alone: float
    bits_mixed: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """A fitted table with the trust that serves best, and edit similarity (0..1) by trust."""

    fit: MixFit
    trust: dict[float, float]

    @property
    def similarity(self) -> float:
        """That of the best trust."""
        return max(self.trust.values())

    @property
    def weights(self) -> CacheWeights:
        """The table to use."""
        return trusted(self.fit.weights, max(self.trust, key=lambda trust: self.trust[trust]))


def fit_mixture(
    repositories: Sequence[Repository], loaded: Loaded, holes_each: int, progress: Callable[[str, int, int], None]
) -> Mixture:
    """Fit the table on holes of each repository, and choose how far it is trusted."""
    found = fit_weights(repositories, loaded, holes_each, progress=progress)
    return Mixture(found, choose_trust(repositories, loaded, found.weights, holes_each, progress=progress))


def trusted(weights: CacheWeights, trust: float) -> CacheWeights:
    """The table with all shares raised together."""
    raised = (1 - (1 - np.array(weights)) ** trust).round(4).tolist()
    return tuple((one, agree, differ) for one, agree, differ in raised)


def choose_trust(
    repositories: Sequence[Repository],
    loaded: Loaded,
    weights: CacheWeights,
    holes_each: int,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[float, float]:
    """Edit similarity (0..1, mean of without and with retrieval) by trust; the best one is the one to use."""
    found = {}
    for at, trust in enumerate(TRUSTS):
        pack = replace(loaded.pack, cache_weights=trusted(weights, trust))
        outcome_of = (outcomes(repository, replace(loaded, pack=pack), holes_each, seed) for repository in repositories)
        scores = [(one.without.similarity + one.retrieved.similarity) / 2 for some in outcome_of for one in some]
        found[trust] = round(float(np.mean(scores)), 4)
        if progress is not None:
            progress(f"trust {trust}", at + 1, len(TRUSTS))
    return found


def fit_weights(
    repositories: Iterable[Repository],
    loaded: Loaded,
    holes_each: int,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> MixFit:
    """Read holes of each repository without and with retrieval, and fit the table to all tokens of their answers."""
    seen: list[_Observed] = []
    for repository in repositories:
        # What the answers would be does not matter here, only what is retrieved for them.
        for at, outcome in enumerate(outcomes(repository, loaded, holes_each, seed, max_new_tokens=1)):
            for hits in ((), outcome.found):
                seen.extend(_observe(outcome.hole, hits, loaded))
            if progress is not None:
                progress(repository.name, at + 1, holes_each)
    sources = np.array([one.sources for one in seen])
    cells = np.array([one.cells for one in seen])
    shares = np.full(_CELLS, _START)
    for _ in range(_ITERATIONS):
        shares = _improved(shares, sources, cells)
    alone, mixed = -np.log2(sources[:, 0]).mean(), -np.log2(_parts(shares, sources, cells).sum(axis=1)).mean()
    return MixFit(_table(shares), len(seen), round(float(alone), 4), round(float(mixed), 4))


def _improved(shares: Floats, sources: Floats, cells: Cells) -> Floats:
    """One step of expectation-maximisation."""
    parts = _parts(shares, sources, cells)
    credit = parts / parts.sum(axis=1, keepdims=True)
    # A match of length n was asked when nothing longer had answered: the credit of all lengths up to n.
    asked = np.cumsum(credit, axis=1)
    met = cells[:, 1:] != _NO_CELL
    answered = np.bincount(cells[:, 1:][met], credit[:, 1:][met], minlength=_CELLS)
    chances = np.bincount(cells[:, 1:][met], asked[:, 1:][met], minlength=_CELLS)
    return np.asarray(answered / (chances + _DOUBT), dtype=np.float64)


def _parts(shares: Floats, sources: Floats, cells: Cells) -> Floats:
    """What each source contributes to the probability of each token: [tokens, 1 + MAX_ORDER]."""
    share = np.where(cells == _NO_CELL, 0.0, shares[cells])
    share[:, 0] = 1.0
    left = np.cumprod((1 - share[:, :0:-1]), axis=1)[:, ::-1]
    return np.asarray(sources * share * np.concatenate([left, np.ones((len(left), 1))], axis=1), dtype=np.float64)


def _table(shares: Floats) -> CacheWeights:
    rows = shares.reshape(MAX_ORDER, EVIDENCE).round(4).tolist()
    return tuple((one, agree, differ) for one, agree, differ in rows)


def _observe(hole: Hole, hits: Sequence[Hit], loaded: Loaded) -> Iterator[_Observed]:
    """Every token of the answer, its end included, as it would be met with `hits` retrieved."""
    tokens, budgets, encode = loaded.pack.tokens, loaded.pack.budgets, loaded.tokenizer.encode
    document = hole.opened
    cursor = document.at_offset(hole.start)
    context = loaded.context(document, cursor)
    snippets = [token for snippet in fit(hits, encode, tokens.file, budgets.cross_file) for token in snippet.ids]
    shared = prompt.shared_ids(context, tokens, loaded.pack.layout)
    before = [*shared, *prompt.branch_ids(snippets, shared, tokens)]
    middle = encode(context.begun + hole.answer)[: budgets.middle]
    reused = loaded.cache.reuse(before)
    first = prefill(loaded.model, loaded.cache, before[reused:])
    rows = np.concatenate([first, prefill(loaded.model, loaded.cache, middle, keep=len(middle))])
    ngrams = ngram_cache(document, cursor, context, hits, encode)
    for row, token in zip(rows, [*middle, tokens.end], strict=True):
        observed = _Observed.empty(float(softmax(row)[token]))
        for match in ngrams.matches():
            observed.sources[match.order] = match.share_of(token)
            observed.cells[match.order] = (match.order - 1) * EVIDENCE + match.evidence
        yield observed
        ngrams.extend([token])
