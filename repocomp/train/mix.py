"""How far to trust the n-gram cache: the shares that make held-out code most likely.

Each cell of the table (match length by evidence) is a mixture of two known distributions with one unknown share, so
expectation-maximisation finds its best value: share = mean of share * cache / mixture (Jelinek and Mercer 1980).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

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
_Observed = tuple[int, int, float, float]
"""Of one token: match length (0: none), evidence, what the model and what the cache gave it."""

_ITERATIONS = 50
_DOUBT = 10
"""Imagined observations on which the cache was of no use: a cell seen a few times is trusted little."""


@dataclass(frozen=True, slots=True)
class MixFit:
    """The table, and bits a token of the answers without and with it, on the holes it was fitted to."""

    weights: CacheWeights
    tokens: int
    bits_alone: float
    bits_mixed: float


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
    order, evidence, model, cache = (np.array(column) for column in zip(*seen, strict=True))
    weights = np.zeros((MAX_ORDER + 1, EVIDENCE))
    for cell in np.ndindex(MAX_ORDER, EVIDENCE):
        chosen = (order == cell[0] + 1) & (evidence == cell[1])
        weights[cell[0] + 1, cell[1]] = _share(model[chosen], cache[chosen])
    share = weights[order, evidence]
    table = tuple((round(a, 4), round(b, 4), round(c, 4)) for a, b, c in weights[1:].tolist())
    return MixFit(table, len(order), _bits(model), _bits((1 - share) * model + share * cache))


def _observe(hole: Hole, hits: Sequence[Hit], loaded: Loaded) -> Iterator[_Observed]:
    """Every token of the answer, its end included, as it would be met with `hits` retrieved."""
    tokens, budgets, encode = loaded.pack.tokens, loaded.pack.budgets, loaded.tokenizer.encode
    document = hole.opened
    cursor = document.at_offset(hole.start)
    context = prompt.context(document, cursor, budgets, encode, tokens)
    snippets = [token for snippet in fit(hits, encode, tokens.file, budgets.cross_file) for token in snippet.ids]
    before = [*prompt.shared_ids(context, tokens, loaded.pack.layout), *prompt.branch_ids(snippets, tokens)]
    middle = encode(hole.answer)[: budgets.middle]
    reused = loaded.cache.reuse(before)
    first = prefill(loaded.model, loaded.cache, before[reused:])
    rows = np.concatenate([first, prefill(loaded.model, loaded.cache, middle, keep=len(middle))])
    ngrams = ngram_cache(document, cursor, context, hits, encode)
    for row, token in zip(rows, [*middle, tokens.end], strict=True):
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
