"""How likely the true answer is, and how chunks in the prompt change that, before anything is decoded.

Finer than edit similarity, which sees only what the most probable tokens become, and several times cheaper: one run of
the model over the answer. Tokens are weighted by what they decide: the first one 5, those of identifiers 3, others 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.complete.copy_sources import copy_sources
from repocomp.document import Document, Position
from repocomp.evaluate.holes import Hole
from repocomp.generate.generator import Task
from repocomp.generate.local.generator import LocalGenerator
from repocomp.languages.table import keywords, language_of
from repocomp.prompt.window import Window
from repocomp.retrieve.hit import Hit

Floats = npt.NDArray[np.float64]

_FIRST, _IDENTIFIER, _OTHER = 5.0, 3.0, 1.0
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Target:
    """A hole as the model reads it: its window, the true `middle` in tokens, and their weights [T]."""

    document: Document
    cursor: Position
    window: Window
    middle: list[int]
    weights: Floats

    @classmethod
    def of(cls, hole: Hole, generator: LocalGenerator) -> Target:
        """The answer, with the word that the cursor cuts, as far as the middle budget reaches."""
        document = hole.opened
        cursor = document.at_offset(hole.start)
        window = generator.window(document, cursor)
        middle = generator.spell(window, hole.answer)
        pieces = [generator.tokenizer.decode([token]) for token in middle]
        return cls(document, cursor, window, middle, token_weights(pieces, language_of(document.path)))

    def task(self, hits: Sequence[Hit], generator: LocalGenerator, tokens: int | None = None) -> Task:
        """The completion of this place when `hits`, best first, were retrieved; `tokens` of them are read."""
        snippets = generator.fit(hits, generator.snippet_tokens if tokens is None else tokens)
        return Task(self.window, tuple(snippets), copy_sources(self.document, self.cursor, self.window, hits))


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


def logprob(target: Target, hits: Sequence[Hit], generator: LocalGenerator, tokens: int | None = None) -> float:
    """Weighted mean log-probability (nats per token) of the true middle when `hits`, best first, were retrieved."""
    return float(logprobs(target, hits, generator, tokens) @ target.weights / target.weights.sum())


def logprobs(target: Target, hits: Sequence[Hit], generator: LocalGenerator, tokens: int | None = None) -> Floats:
    """Log-probability [T] in nats of each token of the true middle when `hits`, best first, were retrieved.

    It is that of the generator, the n-gram cache mixed in: chunks count in the prompt, as far as a budget of `tokens`
    reaches (None: the pack's), and in the cache.
    """
    return generator.likelihood(target.task(hits, generator, tokens), target.middle)
