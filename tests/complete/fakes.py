"""A model that follows a script and a tokenizer of bytes: the pipeline's logic without weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from repocomp.complete.parts import Parts
from repocomp.generate.local.decode import Ids, Logits
from repocomp.generate.local.generator import LocalGenerator
from repocomp.generate.local.kv_cache import KvCaches
from repocomp.model.pack import Budgets, Pack
from repocomp.model.shape import ModelShape
from repocomp.policy.select import Action
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import Hidden, Retrieved

SHAPE = ModelShape(vocab_size=300, d_model=8, n_layers=1, n_heads=1, n_kv_heads=1, d_ff=8, max_context=4096)
BUDGETS = Budgets(left=600, right=200, cross_file=300, middle=80)
FIRST_BYTE = 8


class ByteTokenizer:
    """One token a byte, after the control tokens."""

    line_breaks = frozenset({FIRST_BYTE + 10})
    never_ids = tuple(range(1, FIRST_BYTE))

    def encode(self, text: str) -> list[int]:
        return [FIRST_BYTE + byte for byte in text.encode()]

    def decode(self, ids: Sequence[int]) -> str:
        return self.decode_bytes(ids).decode(errors="ignore")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        return bytes(token - FIRST_BYTE for token in ids if token >= FIRST_BYTE)

    def able_to_spell(self, text: str) -> list[int]:
        return [FIRST_BYTE + text.encode(errors="surrogateescape")[0]]


@dataclass
class ScriptedModel:
    """Writes `text`, then ends; wants retrieval with log-odds `odds`. `runs` counts the tokens of each run."""

    text: str | Callable[[list[int]], str]
    odds: float = 0.0
    runs: list[int] = field(default_factory=list)
    shape: ModelShape = SHAPE
    device: str = "cpu"

    def new_buffers(self) -> list[int]:
        return []

    def run(self, ids: Ids, past: int, buffers: list[int], keep: int) -> Logits:
        self.runs.append(len(ids))
        buffers[past:] = [int(token) for token in ids]
        logits = np.zeros((keep, SHAPE.vocab_size), np.float32)
        for row, length in enumerate(range(len(buffers) - keep + 1, len(buffers) + 1)):
            logits[row] = self._next(buffers[:length])
        return logits

    def _next(self, seen: list[int]) -> Logits:
        logits = np.zeros(SHAPE.vocab_size, np.float32)
        tokens = fake_pack().tokens
        if seen[-1] == tokens.decide:
            logits[tokens.cc], logits[tokens.middle] = self.odds, 0.0
        elif tokens.middle in seen:
            start = len(seen) - 1 - seen[::-1].index(tokens.middle)
            text = self.text if isinstance(self.text, str) else self.text(seen[:start])
            script = [*ByteTokenizer().encode(text), tokens.end]
            logits[script[min(len(seen) - start - 1, len(script) - 1)]] = 20.0
        return logits


@dataclass
class FixedRetriever:
    """Finds the same hits whatever is asked, and remembers the queries."""

    hits: list[Hit]
    queries: list[Query] = field(default_factory=list)

    def find(
        self, query: Query, action: Action, hidden: Hidden | None = None, deadline: float | None = None
    ) -> Retrieved:
        self.queries.append(query)
        hits = [hit for hit in self.hits if hidden is None or not hidden(hit)]
        return Retrieved(hits, {"fixed": hits})


def fake_pack(name: str = "fake") -> Pack:
    """A pack for the scripted model; its default calibration leaves probabilities as they are."""
    return Pack(name=name, version="0", folder=Path(), shape=SHAPE, budgets=BUDGETS)


def loaded(model: ScriptedModel, name: str = "fake", capacity: int = 1) -> LocalGenerator:
    """The scripted model as a loaded pack."""
    return LocalGenerator(fake_pack(name), ByteTokenizer(), model, KvCaches(model, capacity))


def writer(some: Parts) -> LocalGenerator:
    """The generator of parts, which the tests make of packs alone."""
    assert isinstance(some.generator, LocalGenerator)
    return some.generator


def parts(model: ScriptedModel, retriever: FixedRetriever | None = None) -> Parts:
    """One pack in both roles."""
    both = loaded(model)
    return Parts(both, both, retriever)


def hit(text: str, path: str = "lib/b.py") -> Hit:
    """A hit that shows `text`."""
    return Hit(1, path, 1, text.count("\n") + 1, 1.0, "fixed", text)
