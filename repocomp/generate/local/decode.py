"""Prefill once, then one greedy decode loop. Ids in, ids out: no text, no files, no weights.

Guesses ride along in the runs of the loop and are confirmed one by one, so they change how fast an answer comes and
never what it is (Leviathan et al. 2023, greedily). They are what another model wrote here, as far as the answer has
agreed with it, else they come from the n-gram cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from repocomp.budget import UNLIMITED, Budget
from repocomp.generate.generator import TokenEvidence
from repocomp.generate.local.kv_cache import KvCache
from repocomp.generate.local.ngram_cache import LEAST, NgramCache, Places, mix
from repocomp.model.pack import ALONE, CacheMixture
from repocomp.model.shape import ModelShape

Ids = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]
Stop = Callable[[list[int]], str | None]
Allowed = Callable[[list[int]], Sequence[int] | None]
Barred = Callable[[list[int]], Sequence[int]]

CHUNK_TOKENS = 128
"""Tokens of one prefill run: no slower than one long run, and every 10-20 ms a point to give up at."""
DRAFT_TOKENS = 4
"""Tokens guessed at a time. A run of five takes a fifth longer than the run that a lone token needs."""
_EXPECTED_TOKENS = 16
"""As many of an expected answer that has been right so far: it goes on being right in most places."""


class LanguageModel(Protocol):
    """A causal model with keys and values in buffers of its own making: a `Session`, or a fake."""

    @property
    def shape(self) -> ModelShape:
        """Its sizes; `max_context` bounds what a cache may hold."""

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda"."""

    def new_buffers(self) -> Any:  # noqa: ANN401  (opaque: only the model that made it looks inside)
        """Room for one sequence."""

    def run(self, ids: Ids, past: int, buffers: Any, keep: int) -> Logits:  # noqa: ANN401
        """Append `ids` [T] after the first `past` tokens; logits [keep, V] of the last `keep`.

        The result may be overwritten by the next run.
        """


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What may be written, in ids. `stop_ids` end the answer and are not part of it, `never_ids` are never chosen.

    `stop` sees the ids after each token and gives the reason to end there. `allowed` sees the ids so far and names the
    tokens that may come next; None: any but those that `barred` names.
    """

    max_new_tokens: int
    stop_ids: frozenset[int]
    never_ids: tuple[int, ...] = ()
    stop: Stop = lambda ids: None
    allowed: Allowed = lambda ids: None
    barred: Barred = lambda ids: ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A token that may come next: its log-probability, and that by the model `alone`, both in nats.

    `copied` is the length in tokens of the longest repeated text that goes on with it; 0: none does.
    """

    token: int
    logprob: float
    alone: float
    copied: int


@dataclass(frozen=True, slots=True)
class Step:
    """The token that was taken, and the best of the others."""

    taken: Choice
    rival: Choice

    @property
    def token(self) -> int:
        """The one that was taken."""
        return self.taken.token

    @property
    def turned(self) -> Step:
        """The step that takes the other one."""
        return Step(self.rival, self.taken)


@dataclass(frozen=True, slots=True)
class Decoded:
    """An answer by its `steps`, and why it ended.

    `stop_reason` is "end" (the model ended it), "length", "deadline", "cancelled", or what the stop rule returned.
    """

    steps: list[Step]
    stop_reason: str

    @property
    def ids(self) -> list[int]:
        """The tokens."""
        return [step.token for step in self.steps]

    @property
    def logprobs(self) -> list[float]:
        """The log-probability (nats) of each token."""
        return [step.taken.logprob for step in self.steps]

    def evidence(self, sizes: Sequence[int], begin: int) -> tuple[TokenEvidence, ...]:
        """What speaks for each token; `sizes` are theirs in bytes, the first of which stands at `begin`."""
        ends = accumulate(sizes, initial=begin)
        next(ends)
        return tuple(
            TokenEvidence(step.taken.logprob - step.rival.logprob, step.taken.alone, step.taken.copied, end)
            for step, end in zip(self.steps, ends, strict=True)
        )


@dataclass(slots=True)
class _Answer:
    """An answer that still grows. `add` says why it is finished, None while it is not."""

    rules: TokenRules
    never: Ids
    limit: int
    ngrams: NgramCache
    mixture: CacheMixture
    places: Places
    expected: Sequence[Sequence[int]] = ()
    ids: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def add(self, row: Logits) -> str | None:
        alone = softmax(row)
        probabilities = mix(alone, self.places, self.mixture)
        probabilities[self.never] = 0.0
        if (allowed := self.rules.allowed(self.ids)) is not None:
            probabilities = _only(probabilities, allowed)
        else:
            probabilities[list(self.rules.barred(self.ids))] = 0.0
        token = int(probabilities.argmax())
        if token in self.rules.stop_ids:
            return "end"
        taken = self._choice(token, float(probabilities[token]), float(alone[token]))
        probabilities[token] = 0.0
        rival = int(probabilities.argmax())
        self.take(Step(taken, self._choice(rival, float(probabilities[rival]), float(alone[rival]))))
        return self.verdict()

    def take(self, step: Step) -> None:
        self.ids.append(step.token)
        self.steps.append(step)
        self.ngrams.extend([step.token])
        self.places = self.ngrams.places()

    def verdict(self) -> str | None:
        return self.rules.stop(self.ids) or ("length" if len(self.ids) >= self.limit else None)

    def guess(self, count: int, room: int) -> list[int]:
        """Up to `count` tokens that may come next, or more of what was expected, as `room` allows; 0: none at all."""
        so_far = len(self.ids)
        for ids in self.expected if count else ():
            if len(ids) > so_far and list(ids[:so_far]) == self.ids:
                return list(ids[so_far : so_far + min(_EXPECTED_TOKENS, room)])
        return self.ngrams.guess(self.places, min(count, room))

    def _choice(self, token: int, probability: float, alone: float) -> Choice:
        copied = self.places.longest_before(token)
        return Choice(token, math.log(max(probability, LEAST)), math.log(max(alone, LEAST)), copied)


def prefill(
    model: LanguageModel, cache: KvCache, ids: Sequence[int], *, keep: int = 1, budget: Budget = UNLIMITED
) -> Logits:
    """Append `ids` to the cache; logits [keep, V] of the last `keep` of them, the caller's to hold.

    Raises BudgetSpent between two runs, the cache then valid and holding what was read, and ValueError where `ids` are
    none, fewer than `keep`, or more than the context holds.
    """
    if not 1 <= keep <= len(ids):
        raise ValueError(f"cannot keep {keep} of {len(ids)} tokens")
    if len(ids) > room(model, cache):
        raise ValueError(f"{cache.length} + {len(ids)} tokens exceed the context")
    kept: list[Logits] = []
    for start in range(0, len(ids), CHUNK_TOKENS):
        budget.check()
        chunk = ids[start : start + CHUNK_TOKENS]
        wanted = start + len(chunk) - (len(ids) - keep)
        logits = _run(model, cache, chunk, max(1, min(wanted, len(chunk))))
        if wanted > 0:
            kept.append(logits.copy())
    return kept[0] if len(kept) == 1 else np.concatenate(kept)


def decode(
    model: LanguageModel,
    cache: KvCache,
    logits: Logits,
    rules: TokenRules,
    ngrams: NgramCache,
    *,
    mixture: CacheMixture = ALONE,
    draft_tokens: int = DRAFT_TOKENS,
    budget: Budget = UNLIMITED,
    begun: Sequence[Step] = (),
    expected: Sequence[Sequence[int]] = (),
) -> Decoded:
    """Continue greedily after the prompt in the cache, whose last logits are `logits[-1]`.

    An answer that is `begun` is continued instead, and no logits are needed: the cache then holds the prompt and all of
    it but its last token.

    The cache then holds the answer too, but for its last token. What is there when the `budget` is spent is returned.
    `ngrams` ends at the cursor and grows by the answer; `mixture` says how far it is trusted. The answer does not
    depend on `draft_tokens` (0: no guessing), nor on the answers that are `expected`.
    """
    start = cache.length - max(0, len(begun) - 1)
    never = np.array(rules.never_ids, np.int64)
    limit = min(rules.max_new_tokens, model.shape.max_context - 1 - start)
    answer = _Answer(rules, never, limit, ngrams, mixture, ngrams.places(), expected)
    for step in begun:
        answer.take(step)
    if begun:
        reason = answer.verdict()
    else:
        reason = "length" if answer.limit <= 0 else answer.add(logits[-1])
    while reason is None and (reason := budget.spent) is None:
        guess = answer.guess(draft_tokens, room(model, cache) - 1)
        rows = _run(model, cache, [answer.ids[-1], *guess], 1 + len(guess))
        reason = _confirm(answer, rows, guess)
        cache.truncate(start + len(answer.ids) - 1)
    return Decoded(answer.steps, reason)


def room(model: LanguageModel, cache: KvCache) -> int:
    """Tokens that still fit. One place stays free, since a model may run a lone token beside a copy of it."""
    return model.shape.max_context - 1 - cache.length


def _confirm(answer: _Answer, rows: Logits, guess: list[int]) -> str | None:
    """Add a token for each row, as long as the guess that the next row stands on was right."""
    for at, row in enumerate(rows):
        reason = answer.add(row)
        if reason is not None or (at < len(guess) and answer.ids[-1] != guess[at]):
            return reason
    return None


def _run(model: LanguageModel, cache: KvCache, ids: Sequence[int], keep: int) -> Logits:
    logits = model.run(np.asarray(ids, np.int64), cache.length, cache.buffers, keep)
    cache.tokens.extend(ids)
    return logits


def _only(probabilities: Logits, allowed: Sequence[int]) -> Logits:
    kept = np.zeros_like(probabilities)
    kept[list(allowed)] = probabilities[list(allowed)]
    return kept


def softmax(row: Logits) -> Logits:
    """Probabilities [V] of one row of logits."""
    powers: Logits = row - row.max()
    np.exp(powers, out=powers)
    powers /= powers.sum()
    return powers
