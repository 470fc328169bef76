"""How far to trust the n-gram cache: the shares that make held-out code most likely.

Each cell of the table (match length by evidence) is a mixture of two known distributions with one unknown share, so
expectation-maximisation finds its best value: share = mean of share * cache / mixture (Jelinek and Mercer 1980).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.complete import prompt
from repocomp.complete.parts import Loaded
from repocomp.engine.generate import prefill, softmax
from repocomp.engine.ngram_cache import EVIDENCE, MAX_ORDER, NgramCache
from repocomp.model.pack import CacheWeights
from repocomp.train.label import Example

Floats = npt.NDArray[np.float64]

_ITERATIONS = 50
_DOUBT = 10
"""Imagined observations on which the cache was of no use: a cell seen a few times is trusted little."""


@dataclass(frozen=True, slots=True)
class MixFit:
    """The table, and bits a token of the middles without and with it, on the examples it was fitted to."""

    weights: CacheWeights
    tokens: int
    bits_alone: float
    bits_mixed: float


def fit_weights(
    examples: Sequence[Example], loaded: Loaded, progress: Callable[[int, int], None] | None = None
) -> MixFit:
    """Read every example without and with its context, and fit the table to all tokens of the middles."""
    seen: list[tuple[int, int, float, float]] = []
    for at, example in enumerate(examples):
        for snippets in ([], example.snippets):
            seen.extend(_observe(example, snippets, loaded))
        if progress is not None:
            progress(at + 1, len(examples))
    order, evidence, model, cache = (np.array(column) for column in zip(*seen, strict=True))
    weights = np.zeros((MAX_ORDER + 1, EVIDENCE))
    for cell in np.ndindex(MAX_ORDER, EVIDENCE):
        chosen = (order == cell[0] + 1) & (evidence == cell[1])
        weights[cell[0] + 1, cell[1]] = _share(model[chosen], cache[chosen])
    share = weights[order, evidence]
    table = tuple((round(a, 4), round(b, 4), round(c, 4)) for a, b, c in weights[1:].tolist())
    return MixFit(table, len(order), _bits(model), _bits((1 - share) * model + share * cache))


def _observe(example: Example, snippets: list[int], loaded: Loaded) -> Iterator[tuple[int, int, float, float]]:
    """For each token of the middle and the end: match length (0: none), evidence, the model's and the cache's share."""
    tokens = loaded.pack.tokens
    before = [*example.shared, *prompt.branch_ids(snippets, tokens)]
    reused = loaded.cache.reuse(before)
    first = prefill(loaded.model, loaded.cache, before[reused:])
    rows = [first, prefill(loaded.model, loaded.cache, example.middle, keep=len(example.middle))]
    ngrams = NgramCache.of_prompt(before, tokens)
    for row, token in zip(np.concatenate(rows), [*example.middle, tokens.end], strict=True):
        match = ngrams.match()
        model = float(softmax(row)[token])
        yield (0, 0, model, 0.0) if match is None else (match.order, match.evidence, model, match.share_of(token))
        ngrams.extend([token])


def _share(model: Floats, cache: Floats) -> float:
    share = 0.5
    for _ in range(_ITERATIONS if len(model) else 0):
        credit = share * cache
        share = float((credit / (credit + (1 - share) * model)).sum()) / (len(model) + _DOUBT)
    return share if len(model) else 0.0


def _bits(probabilities: Floats) -> float:
    return round(float(-np.log2(probabilities).mean()), 4)
