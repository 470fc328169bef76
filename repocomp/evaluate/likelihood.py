"""How probable the true answer is: what chunks in the prompt change before anything is decoded.

Finer than edit similarity, which sees only what the most probable tokens become, and several times cheaper: one run of
the model over the answer. Tokens are weighted by what they decide: the first one 5, those of identifiers 3, others 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.complete import copy_sources as repeats
from repocomp.complete.parts import Loaded
from repocomp.document import Document, Position
from repocomp.evaluate.holes import Hole
from repocomp.generate.local.decode import prefill
from repocomp.generate.local.ngram_cache import mix
from repocomp.languages.table import keywords, language_of
from repocomp.prompt import window as prompt
from repocomp.prompt.snippets import fit
from repocomp.retrieve.hit import Hit

Floats = npt.NDArray[np.float64]

_FIRST, _IDENTIFIER, _OTHER = 5.0, 3.0, 1.0
_LEAST = 1e-30
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Target:
    """A hole as the model reads it: the prompt both branches share, the true `middle` and its weights [T]."""

    document: Document
    cursor: Position
    context: prompt.Context
    shared: list[int]
    middle: list[int]
    weights: Floats

    @classmethod
    def of(cls, hole: Hole, loaded: Loaded) -> Target:
        """The answer, with the word that the cursor cuts, as far as the middle budget reaches."""
        pack, document = loaded.pack, hole.opened
        cursor = document.at_offset(hole.start)
        context = loaded.context(document, cursor)
        truth = context.begun + hole.answer.replace("\r\n", "\n")
        middle = loaded.tokenizer.encode(truth)[: pack.budgets.middle]
        shared = prompt.shared_ids(context, pack.tokens, pack.layout)
        pieces = [loaded.tokenizer.decode([token]) for token in middle]
        weights = token_weights(pieces, language_of(document.path))
        return cls(document, cursor, context, shared, middle, weights)


def token_weights(pieces: Sequence[str], language: str) -> Floats:
    """Weights [T] of an answer's tokens, given their texts in order."""
    reserved = keywords(language)
    text = "".join(pieces)
    is_name = np.zeros(len(text) + 1, dtype=np.bool_)
    for match in _NAME.finditer(text):
        is_name[match.start() : match.end()] = match[0] not in reserved
    ends = np.cumsum([len(piece) for piece in pieces])
    named = [bool(is_name[end - len(piece) : end].any()) for piece, end in zip(pieces, ends, strict=True)]
    weights = np.where(named, _IDENTIFIER, _OTHER)
    weights[:1] = _FIRST
    return weights


def logprob(target: Target, hits: Sequence[Hit], loaded: Loaded, budget: int | None = None) -> float:
    """Weighted mean log-probability (nats a token) of the true middle when `hits`, best first, were retrieved."""
    return float(logprobs(target, hits, loaded, budget) @ target.weights / target.weights.sum())


def logprobs(target: Target, hits: Sequence[Hit], loaded: Loaded, budget: int | None = None) -> Floats:
    """Log-probability [T] in nats of each token of the true middle when `hits`, best first, were retrieved.

    It is that of the generator, the n-gram cache mixed in: chunks count in the prompt, as far as the `budget` of tokens
    reaches (None: the pack's), and in the cache.
    """
    if not target.middle:
        return np.zeros(0)
    pack, encode = loaded.pack, loaded.tokenizer.encode
    snippets = fit(hits, encode, pack.tokens.file, pack.budgets.cross_file if budget is None else budget)
    branch = prompt.branch_ids([token for snippet in snippets for token in snippet.ids], target.shared, pack.tokens)
    ids = [*target.shared, *branch, *target.middle[:-1]]
    loaded.cache.truncate(min(loaded.cache.reuse(ids), len(target.shared)))
    logits = prefill(loaded.model, loaded.cache, ids[loaded.cache.length :], keep=len(target.middle))
    ngrams = repeats.ngram_cache(target.document, target.cursor, target.context, hits, encode, pack.cache.vote)
    said = np.empty(len(target.middle))
    for at, token in enumerate(target.middle):
        chances = np.exp(logits[at] - logits[at].max())
        said[at] = mix(chances / chances.sum(), ngrams.places(), pack.cache)[token]
        ngrams.extend([token])
    result: Floats = np.log(np.maximum(said, _LEAST))
    return result
