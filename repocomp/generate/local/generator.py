"""A pack that writes on this machine: prompt, key/value reuse, n-gram mixture, token healing and guessing ahead.

It is a `Generator` and, since its packs judge by themselves, a `Policy`: both ask the same sequence in its key/value
cache, so that what one has read the other need not read again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repocomp.budget import UNLIMITED, Budget, BudgetSpent
from repocomp.document import Document, Position
from repocomp.generate.generator import DecodingRules, Emit, Expectation, Generated, Task
from repocomp.generate.local.codec import TextCodec
from repocomp.generate.local.copying import ngram_cache
from repocomp.generate.local.decode import (
    DRAFT_TOKENS,
    Decoded,
    LanguageModel,
    Logits,
    Step,
    TokenRules,
    decode,
    prefill,
    softmax,
)
from repocomp.generate.local.kv_cache import KvCache, KvCaches
from repocomp.generate.local.ngram_cache import NgramCache, mix
from repocomp.generate.local.repetition import said_twice
from repocomp.generate.local.turns import Turns
from repocomp.model.confidence import Confidence
from repocomp.model.library import load_pack
from repocomp.model.pack import Calibration, Pack
from repocomp.prompt import window as windows
from repocomp.prompt.format import PromptFormat, format_of
from repocomp.prompt.snippets import Snippet, fit
from repocomp.prompt.window import Window
from repocomp.request import Tokens
from repocomp.retrieve.hit import Hit

Floats = npt.NDArray[np.float64]

_LEAST = 1e-30


@dataclass(frozen=True, slots=True)
class LocalGenerator:
    """A pack that is ready to run, the key/value caches it fills, and how many tokens are guessed at a time."""

    pack: Pack
    tokenizer: TextCodec
    model: LanguageModel
    caches: KvCaches
    draft_tokens: int = DRAFT_TOKENS

    @property
    def name(self) -> str:
        """The pack's."""
        return self.pack.name

    @property
    def version(self) -> str:
        """The pack's."""
        return self.pack.version

    @property
    def digest(self) -> str:
        """The pack's."""
        return self.pack.digest

    @property
    def device(self) -> str:
        """Where the model runs: "cpu" or "cuda"."""
        return self.model.device

    @property
    def tells_probabilities(self) -> bool:
        """Always."""
        return True

    @property
    def snippet_tokens(self) -> int:
        """The pack's budget of cross-file context."""
        return self.pack.budgets.cross_file

    @property
    def answer_tokens(self) -> int:
        """The pack's budget of the answer."""
        return self.pack.budgets.middle

    @property
    def calibration(self) -> Mapping[str, Calibration]:
        """The pack's."""
        return self.pack.calibration

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The pack's."""
        return self.pack.thresholds

    @property
    def confidence(self) -> Confidence | None:
        """The pack's."""
        return self.pack.confidence

    @property
    def format(self) -> PromptFormat:
        """How the pack's family is prompted."""
        return format_of(self.pack, self.tokenizer.encode)

    @property
    def cache(self) -> KvCache:
        """The sequence used last."""
        return self.caches.newest

    def window(self, document: Document, cursor: Position, share: float = 1.0) -> Window:
        """The file around `cursor`, cut to the budgets of the pack, or to a `share` (0..1) of them."""
        budgets = self.pack.budgets
        family = self.format
        left = int(share * budgets.left) - family.head_tokens(document.path)
        return windows.cut(document, cursor, left, int(share * budgets.right), self.tokenizer.encode, family.healing)

    def fit(self, hits: Sequence[Hit], tokens: int) -> list[Snippet]:
        """The snippets of `hits`, best first, that so many tokens hold; in prompt order."""
        return fit(hits, self.format.snippet, tokens)

    def expectation(self, window: Window, budget: Budget = UNLIMITED) -> Expectation | None:
        """Whether retrieval would help, by the pack's own judgement; None for a family that does not judge."""
        decision = self.format.decision(window)
        if decision is None:
            return None
        ids = decision.ids
        cache = self.caches.take(ids)
        row, read = cache.recall(ids), 0
        try:
            budget.check()
            if row is None:
                # The end of the branch that skips rides along: most keystrokes take that way, and save a run.
                skip = self.format.prompt(window)[len(ids) :]
                read = len(ids) - cache.reuse(ids)
                rows = prefill(self.model, cache, [*ids[-read:], *skip], keep=1 + len(skip), budget=budget)
                row = rows[0]
                cache.remember(len(ids), row)
                cache.remember(len(ids) + len(skip), rows[-1])
        except BudgetSpent as spent:
            return Expectation(None, len(ids), read, spent.reason)
        return Expectation(float(row[decision.retrieve]) - float(row[decision.skip]), len(ids), read)

    def complete(
        self, task: Task, rules: DecodingRules, budget: Budget = UNLIMITED, emit: Emit | None = None
    ) -> Generated:
        """Answer one task. `emit` is given the whole text so far after each step."""
        return next(self._answers(task, rules, budget, emit))

    def several(self, task: Task, rules: DecodingRules, budget: Budget = UNLIMITED) -> Iterator[Generated]:
        """The answer of `complete`, then those that turn off where it was least sure, the likeliest turn first."""
        return self._answers(task, rules, budget, None)

    def _answers(self, task: Task, rules: DecodingRules, budget: Budget, emit: Emit | None) -> Iterator[Generated]:
        started = time.perf_counter()
        ids = self.format.prompt(task.window, task.snippets)
        try:
            row, cached = self._read(ids, budget)
        except BudgetSpent as spent:
            yield Generated("", (), spent.reason, Tokens(len(ids), self.cache.length, 0))
            return
        token_rules = self._token_rules(task.window, rules, emit)
        expected = [self.spell(task.window, answer) for answer in task.expected]
        turns, begun = Turns(token_rules.stop_ids), list[Step]()
        spent_ms = {"prefill": 1000 * (time.perf_counter() - started)}
        while True:
            started = time.perf_counter()
            ngrams = self.ngrams(task)
            spent_ms["copy"] = 1000 * (time.perf_counter() - started)
            made = decode(
                self.model,
                self.cache,
                row[None],
                token_rules,
                ngrams,
                mixture=self.pack.cache,
                draft_tokens=self.draft_tokens,
                budget=budget,
                begun=begun,
                expected=expected,
            )
            spent_ms["decode"] = 1000 * (time.perf_counter() - started) - spent_ms["copy"]
            yield self._generated(task, made, Tokens(len(ids), cached, len(made.steps)), spent_ms)
            turns.add(made.steps, len(begun))
            if budget.spent is not None or not (begun := turns.next()):
                return
            started, cached = time.perf_counter(), len(ids)
            self._return_to([*ids, *(step.token for step in begun[:-1])])
            spent_ms = {"prefill": 1000 * (time.perf_counter() - started)}

    def _return_to(self, ids: Sequence[int]) -> None:
        """Have the cache hold exactly `ids`: what of them it holds is not read again."""
        cache = self.caches.take(ids)
        cache.truncate(cache.shared(ids))
        if cache.length < len(ids):
            prefill(self.model, cache, ids[cache.length :])

    def _generated(self, task: Task, made: Decoded, counts: Tokens, spent_ms: Mapping[str, float]) -> Generated:
        forced = task.window.open_end
        text = self.tokenizer.decode(made.ids)[len(forced) :]
        sizes = [len(self.tokenizer.decode_bytes([token])) for token in made.ids]
        evidence = made.evidence(sizes, -len(forced.encode()))
        return Generated(text, tuple(made.logprobs), made.stop_reason, counts, spent_ms, evidence)

    def ngrams(self, task: Task) -> NgramCache:
        """What may be copied, ready to continue at the cursor."""
        return ngram_cache(task, self.tokenizer.encode, self.pack.cache.vote)

    def spell(self, window: Window, answer: str) -> list[int]:
        """Ids of an answer at the cursor, with the end that is written anew, as far as the middle budget reaches."""
        text = window.open_end + answer.replace("\r\n", "\n")
        return self.tokenizer.encode(text)[: self.pack.budgets.middle]

    def likelihood(self, task: Task, middle: Sequence[int]) -> Floats:
        """Log-probability [T] (nats) of each token of `middle` as the answer, what may be copied mixed in."""
        if not middle:
            return np.zeros(0)
        logits, ngrams = self.logits(task, middle[:-1]), self.ngrams(task)
        likely = np.empty(len(middle))
        for at, token in enumerate(middle):
            likely[at] = mix(softmax(logits[at]), ngrams.places(), self.pack.cache)[token]
            ngrams.extend([token])
        result: Floats = np.log(np.maximum(likely, _LEAST))
        return result

    def logits(self, task: Task, following: Sequence[int]) -> Logits:
        """The model's own logits [T + 1, V] after the prompt and after each token of `following`."""
        prompt = self.format.prompt(task.window, task.snippets)
        ids = [*prompt, *following]
        self.cache.truncate(min(self.cache.reuse(ids), len(prompt) - 1))
        return prefill(self.model, self.cache, ids[self.cache.length :], keep=len(following) + 1)

    def _read(self, ids: list[int], budget: Budget) -> tuple[Logits, int]:
        """Logits [V] after the prompt `ids`, and how many of its tokens were known. Raises BudgetSpent."""
        cache = self.caches.take(ids)
        row: Logits | None = cache.recall(ids)
        if row is not None:
            cache.truncate(len(ids))
            return row, len(ids) - 1
        cached = cache.reuse(ids)
        return prefill(self.model, cache, ids[cached:], budget=budget)[-1], cached

    def _token_rules(self, window: Window, rules: DecodingRules, emit: Emit | None) -> TokenRules:
        """`rules` in ids: what is written begins with the open end of the window, and says nothing three times."""
        forced, tokenizer, family = window.open_end, self.tokenizer, self.format
        wanted = forced.encode()

        def stop(ids: list[int]) -> str | None:
            text = tokenizer.decode(ids)[len(forced) :]
            if emit is not None:
                emit(text)
            return rules.stop(text)

        def allowed(ids: list[int]) -> list[int] | None:
            # In bytes: a token may end inside a character.
            rest = wanted[len(tokenizer.decode_bytes(ids)) :] if len(ids) < len(wanted) else b""
            return tokenizer.able_to_spell(rest.decode(errors="surrogateescape")) if rest else None

        return TokenRules(
            max_new_tokens=min(rules.max_new_tokens, self.pack.budgets.middle),
            stop_ids=family.stop_ids,
            never_ids=tokenizer.never_ids,
            stop=stop,
            allowed=allowed,
            barred=lambda ids: said_twice(ids, tokenizer.line_breaks),
        )


def load(pack_name: str) -> LocalGenerator:
    """Open a pack by name or folder. Raises PackError."""
    from repocomp.model.opening import open_session
    from repocomp.model.tokenizer import Tokenizer

    pack = load_pack(pack_name)
    session = open_session(pack)
    return LocalGenerator(pack, Tokenizer.load(pack), session, KvCaches(session))
