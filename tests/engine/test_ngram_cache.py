"""Lookups against a search by hand; the mixture stays a distribution; guesses follow the longest, latest match."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.engine.ngram_cache import EVIDENCE, MAX_ORDER, NgramCache, mix
from repocomp.model.pack import CacheWeights

SEQUENCE = st.lists(st.integers(-1, 4), min_size=1, max_size=40)
WEIGHTS: CacheWeights = tuple((0.1 * n, 0.12 * n, 0.05 * n) for n in range(1, MAX_ORDER + 1))


def by_hand(ids: list[int]) -> tuple[int, list[int]] | None:
    """The longest suffix without a wall that stands before with something after it, and all that stands after."""
    best = None
    for order in range(1, MAX_ORDER + 1):
        tail = ids[-order:]
        if order > len(ids) or -1 in tail:
            break
        after = [ids[at + order] for at in range(len(ids) - order) if ids[at : at + order] == tail]
        after = [token for token in after if token != -1]
        if after:
            best = order, after
    return best


def guess(ids: list[int], count: int) -> list[int]:
    cache = NgramCache(ids)
    return cache.guess(cache.match(), count)


@given(SEQUENCE)
def test_the_match_is_the_longest_there_is(ids: list[int]) -> None:
    match = NgramCache(ids).match()
    assert (None if match is None else (match.order, match.following.tolist())) == by_hand(ids)


@given(SEQUENCE, SEQUENCE)
def test_extending_is_the_same_as_starting_with_all(first: list[int], second: list[int]) -> None:
    cache, whole = NgramCache(first), NgramCache([*first, *second])
    for token in second:
        cache.extend([token])
    found, expected = cache.match(), whole.match()
    assert cache.guess(found, 3) == whole.guess(expected, 3)
    assert (found is None) == (expected is None)


@given(SEQUENCE)
def test_a_mixture_is_a_distribution(ids: list[int]) -> None:
    model = np.random.default_rng(0).dirichlet(np.ones(5)).astype(np.float32)
    match = NgramCache(ids).match()
    mixed = mix(model, match, WEIGHTS)
    assert float(mixed.sum()) == pytest.approx(1.0, abs=1e-5)
    if match is not None:
        share = match.weight(WEIGHTS)
        for token in range(5):
            expected = (1 - share) * float(model[token]) + share * match.share_of(token)
            assert float(mixed[token]) == pytest.approx(expected, abs=1e-5)


def test_without_weights_the_model_is_alone() -> None:
    model = np.array([0.5, 0.5], np.float32)
    assert mix(model, NgramCache([1, 0, 1]).match(), ()) is model
    assert mix(model, None, WEIGHTS) is model


@pytest.mark.parametrize(("ids", "evidence"), [([1, 2, 1], 0), ([1, 2, 0, 1, 2, 3, 1], 1), ([1, 2, 3, 1, 4, 1], 2)])
def test_evidence(ids: list[int], evidence: int) -> None:
    match = NgramCache(ids).match()
    assert match is not None
    assert match.evidence == evidence < EVIDENCE


def test_a_guess_is_what_followed_the_longest_match() -> None:
    assert guess([1, 2, 3, 4, 5, 1, 2], 2) == [3, 4]
    assert guess([7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2], 1) == [3]


def test_the_later_of_equal_matches_wins() -> None:
    assert guess([1, 2, 3, 0, 1, 2, 4, 0, 9, 1, 2], 1) == [4]


def test_no_guess_on_one_token_beyond_a_wall_or_of_nothing() -> None:
    assert guess([1, 2, 1], 4) == []
    assert guess([1, 2, 3, -1, 4, 1, 2], 4) == [3]
    assert guess([1, 2, -1, 1, 2], 4) == []
    assert guess([1, 2, 3, 1, 2], 0) == []
