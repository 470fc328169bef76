from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.budget import Budget, BudgetSpent
from repocomp.generate.local.decode import (
    CHUNK_TOKENS,
    Barred,
    Decoded,
    Ids,
    Logits,
    TokenRules,
    decode,
    prefill,
    room,
)
from repocomp.generate.local.kv_cache import KvCache
from repocomp.generate.local.ngram_cache import MAX_ORDER, NgramCache
from repocomp.model.families import FimTokens
from repocomp.model.pack import ALONE, CacheMixture
from repocomp.model.shape import ModelShape

TOKENS = FimTokens()
BANNED = tuple(token for token in TOKENS.all if token != TOKENS.end)
VOCABULARY = 16
LETTERS = st.integers(8, VOCABULARY - 1)
MIXED = CacheMixture(tuple((0.5 * n - 2, 0.6 * n - 2, 0.3 * n - 2) for n in range(MAX_ORDER)), -0.2, 0.1)


class FakeModel:
    """Logits that depend on the last `order` tokens; refuses a cache that is not what it ran."""

    device = "cpu"

    def __init__(self, order: int = 2, seed: int = 0, max_context: int = 512) -> None:
        self.shape = ModelShape(vocab_size=VOCABULARY, max_context=max_context)
        self.order, self.seed = order, seed
        self.runs: list[int] = []
        self.script: dict[tuple[int, ...], int] = {}

    def new_buffers(self) -> list[int]:
        return []

    def run(self, ids: Ids, past: int, buffers: list[int], keep: int) -> Logits:
        assert past <= len(buffers)
        assert past + max(2, len(ids)) <= self.shape.max_context
        buffers[past:] = [int(token) for token in ids]
        self.runs.append(len(ids))
        ends = range(len(buffers) - keep + 1, len(buffers) + 1)
        return np.stack([self.logits(buffers[:end]) for end in ends])

    def logits(self, tokens: list[int]) -> Logits:
        key = tuple(tokens[-self.order :])
        if key in self.script:
            return np.where(np.arange(VOCABULARY) == self.script[key], 9, 0).astype(np.float32)
        rng = np.random.default_rng([self.seed, *key])
        return rng.standard_normal(VOCABULARY).astype(np.float32)


def never(ids: list[int]) -> str | None:
    return None


def answer(
    model: FakeModel,
    prompt: list[int],
    *,
    length: int = 12,
    stop: Callable[[list[int]], str | None] = never,
    draft_tokens: int = 0,
    mixture: CacheMixture = ALONE,
    barred: Barred = lambda ids: (),
    expected: Sequence[Sequence[int]] = (),
) -> tuple[Decoded, KvCache]:
    cache = KvCache.of(model)
    logits = prefill(model, cache, prompt)
    generated = decode(
        model,
        cache,
        logits,
        TokenRules(length, frozenset((TOKENS.end,)), BANNED, stop, barred=barred),
        NgramCache(prompt),
        draft_tokens=draft_tokens,
        mixture=mixture,
        expected=expected,
    )
    return generated, cache


def assert_consistent(model: FakeModel, cache: KvCache) -> None:
    """What the cache says it holds is what the model was run on."""
    assert cache.tokens == cache.buffers[: cache.length]  # type: ignore[index]


@given(
    prompt=st.lists(LETTERS, min_size=1, max_size=40),
    order=st.integers(1, 3),
    seed=st.integers(0, 50),
    draft=st.integers(1, 6),
    length=st.integers(1, 40),
    line=LETTERS,
    mixture=st.sampled_from([ALONE, MIXED]),
)
def test_guessing_never_changes_the_answer(
    prompt: list[int], order: int, seed: int, draft: int, length: int, line: int, mixture: CacheMixture
) -> None:
    def stop(ids: list[int]) -> str | None:
        return "line" if ids[-1] == line and len(ids) > 5 else None

    plain, _ = answer(FakeModel(order, seed), prompt, length=length, stop=stop, mixture=mixture)
    model = FakeModel(order, seed)
    guessed, cache = answer(model, prompt, length=length, stop=stop, draft_tokens=draft, mixture=mixture)
    assert guessed == plain
    assert_consistent(model, cache)
    assert [*prompt, *guessed.ids][: cache.length] == cache.tokens


@given(
    prompt=st.lists(LETTERS, min_size=1, max_size=20),
    seed=st.integers(0, 50),
    agreed=st.integers(0, 30),
    wrong=st.lists(LETTERS, max_size=20),
    other=st.lists(LETTERS, max_size=9),
    draft=st.integers(0, 6),
    mixture=st.sampled_from([ALONE, MIXED]),
)
def test_what_others_wrote_never_changes_the_answer(
    prompt: list[int],
    seed: int,
    agreed: int,
    wrong: list[int],
    other: list[int],
    draft: int,
    mixture: CacheMixture,
) -> None:
    plain, _ = answer(FakeModel(2, seed), prompt, length=30, mixture=mixture)
    model = FakeModel(2, seed)
    expected = [[*plain.ids[:agreed], *wrong], other]
    guessed, cache = answer(model, prompt, length=30, draft_tokens=draft, mixture=mixture, expected=expected)
    assert guessed == plain
    assert_consistent(model, cache)


def test_what_others_wrote_is_confirmed_in_long_runs_until_it_is_wrong() -> None:
    plain, _ = answer(FakeModel(2, 3), [8, 9], length=30)
    runs = {}
    for agreed in (0, 1, 10, 30):
        model = FakeModel(2, 3)
        wrong = [8 + (token - 7) % 8 for token in plain.ids[agreed:]]
        answer(model, [8, 9], length=30, draft_tokens=4, expected=[[*plain.ids[:agreed], *wrong]])
        runs[agreed] = model.runs
    assert runs[30] == [2, 17, 13]
    assert len(runs[10]) < len(runs[1]) == len(runs[0])
    assert max(runs[0]) <= 5


def circle(size: int) -> dict[tuple[int, ...], int]:
    """The script of a model that goes round in a circle of tokens."""
    return {(8 + i,): 8 + (i + 1) % size for i in range(size)}


def test_what_is_barred_does_not_come_next() -> None:
    model = FakeModel(order=1)
    model.script = circle(8)
    assert answer(model, [8], length=4)[0].ids == [9, 10, 11, 12]
    assert 11 not in answer(model, [8], length=4, barred=lambda ids: [11])[0].ids
    assert answer(model, [8], length=4, barred=lambda ids: [12] if ids == [9, 10, 11] else [])[0].ids[:3] == [9, 10, 11]


def test_guessing_saves_runs_on_text_that_repeats() -> None:
    runs = []
    for draft in (0, 4):
        model = FakeModel(order=1)
        model.script = circle(8)
        generated, _ = answer(model, [*range(8, 16), 8, 9], length=16, draft_tokens=draft)
        assert generated.ids == [8 + (2 + i) % 8 for i in range(16)]
        runs.append(len(model.runs))
    assert runs[0] == 16
    assert runs[1] <= 5


def test_what_the_prompt_repeats_outweighs_an_unsure_model() -> None:
    prompt = [8, 9, 10, 11, 12, 8, 9, 10]
    generated, _ = answer(FakeModel(seed=3), prompt, length=2, mixture=CacheMixture(((5.0, 5.0, 5.0),) * MAX_ORDER))
    assert generated.ids == [11, 12]


@given(prompt=st.lists(LETTERS, min_size=1, max_size=30), seed=st.integers(0, 99))
def test_control_tokens_are_never_generated(prompt: list[int], seed: int) -> None:
    generated, _ = answer(FakeModel(seed=seed), prompt)
    assert not {*generated.ids} & {*TOKENS.all}
    assert len(generated.ids) == len(generated.logprobs)
    assert all(value < 0 for value in generated.logprobs)


def test_the_end_token_ends_and_is_not_part_of_the_answer() -> None:
    model = FakeModel(order=1)
    model.script = {(8,): 9, (9,): TOKENS.end}
    generated, cache = answer(model, [8])
    assert (generated.ids, generated.stop_reason) == ([9], "end")
    assert_consistent(model, cache)
    model.script = {(8,): TOKENS.end}
    generated, cache = answer(model, [8])
    assert (generated.ids, generated.stop_reason, cache.tokens) == ([], "end", [8])


def test_length_and_the_stop_rule() -> None:
    model = FakeModel(order=1)
    model.script = {(i,): i + 1 for i in range(8, 15)}
    generated, _ = answer(model, [8], length=3)
    assert (generated.ids, generated.stop_reason) == ([9, 10, 11], "length")
    generated, _ = answer(model, [8], stop=lambda ids: "line" if 10 in ids else None)
    assert (generated.ids, generated.stop_reason) == ([9, 10], "line")
    generated, _ = answer(model, [8], length=0)
    assert (generated.ids, generated.stop_reason) == ([], "length")


def test_logprobs_are_those_of_the_model() -> None:
    model = FakeModel()
    generated, _ = answer(model, [8, 9], length=1)
    row = model.logits([8, 9]).astype(np.float64)
    expected = row[generated.ids[0]] - np.log(np.exp(row).sum())
    assert generated.logprobs == pytest.approx([expected], abs=1e-5)


def test_a_full_context_ends_the_answer() -> None:
    model = FakeModel(max_context=16)
    model.script = {(9, 9): 9}
    generated, cache = answer(model, [9] * 10, length=99, draft_tokens=4)
    assert generated.stop_reason == "length"
    assert generated.ids == [9] * 5
    assert room(model, cache) == 1
    with pytest.raises(ValueError, match="exceed the context"):
        prefill(model, cache, [9, 9])


def test_past_the_deadline_what_is_there_is_returned() -> None:
    model = FakeModel()
    cache = KvCache.of(model)
    logits = prefill(model, cache, [8, 9])
    rules = TokenRules(9, frozenset((TOKENS.end,)), BANNED)
    generated = decode(model, cache, logits, rules, NgramCache([8, 9]), budget=Budget(time.monotonic() - 1))
    assert (len(generated.ids), generated.stop_reason) == (1, "deadline")


def test_once_cancelled_what_is_there_is_returned() -> None:
    model = FakeModel()
    cache = KvCache.of(model)
    logits = prefill(model, cache, [8, 9])
    rules = TokenRules(9, frozenset((TOKENS.end,)), BANNED)
    looks = iter((False, False, True))
    generated = decode(model, cache, logits, rules, NgramCache([8, 9]), budget=Budget(None, lambda: next(looks)))
    assert generated.stop_reason == "cancelled"
    assert len(generated.ids) >= 3
    assert_consistent(model, cache)


def test_prefill_past_the_deadline_leaves_a_valid_cache() -> None:
    model = FakeModel()
    cache = KvCache.of(model)
    with pytest.raises(BudgetSpent, match="deadline"):
        prefill(model, cache, [8] * 300, budget=Budget(time.monotonic() - 1))
    assert cache.length == 0
    assert_consistent(model, cache)


@pytest.mark.parametrize("keep", [1, 2, CHUNK_TOKENS - 1, CHUNK_TOKENS, CHUNK_TOKENS + 1, 300])
def test_prefill_keeps_logits_across_chunks(keep: int) -> None:
    ids = np.random.default_rng(1).integers(8, VOCABULARY, 300).tolist()
    model = FakeModel()
    cache = KvCache.of(model)
    logits = prefill(model, cache, ids, keep=keep)
    assert model.runs == [CHUNK_TOKENS, CHUNK_TOKENS, 300 - 2 * CHUNK_TOKENS]
    expected = [model.logits(ids[: end + 1]) for end in range(300 - keep, 300)]
    np.testing.assert_array_equal(logits, np.stack(expected))


@pytest.mark.parametrize(("ids", "keep"), [([], 1), ([8], 2), ([8, 9], 0)])
def test_prefill_refuses_to_keep_what_is_not_run(ids: list[int], keep: int) -> None:
    model = FakeModel()
    with pytest.raises(ValueError, match="cannot keep"):
        prefill(model, KvCache.of(model), ids, keep=keep)


def test_both_branches_continue_from_one_prefill() -> None:
    model = FakeModel(order=3)
    shared, skip, retrieve = [8, 9, TOKENS.decide], [TOKENS.middle], [TOKENS.cc, 10, 11, TOKENS.middle]
    cache = KvCache.of(model)
    prefill(model, cache, shared)
    both = []
    for branch in (retrieve, skip):
        cache.truncate(len(shared))
        both.append(prefill(model, cache, branch))
    fresh = [prefill(model, KvCache.of(model), [*shared, *branch]) for branch in (retrieve, skip)]
    np.testing.assert_array_equal(both, fresh)
