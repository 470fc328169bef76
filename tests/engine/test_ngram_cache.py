"""Lookups against a search by hand; the mixture stays a distribution; guesses follow the longest, latest match."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.engine.ngram_cache import EVIDENCE, MAX_ORDER, WALL, NgramCache, mix
from repocomp.model.pack import CacheWeights

SEQUENCE = st.lists(st.integers(-1, 4), min_size=1, max_size=40)
WEIGHTS: CacheWeights = tuple((0.1 * n, 0.12 * n, 0.05 * n) for n in range(1, MAX_ORDER + 1))


def by_hand(ids: list[int]) -> list[tuple[int, list[int]]]:
    """For each suffix without a wall, all that stands after its earlier occurrences, while there are any."""
    found = []
    for order in range(1, MAX_ORDER + 1):
        tail = ids[-order:]
        if order > len(ids) or WALL in tail:
            break
        after = [ids[at + order] for at in range(len(ids) - order) if ids[at : at + order] == tail]
        after = [token for token in after if token != WALL]
        if not after:
            break
        found.append((order, after))
    return found


def guess(ids: list[int], count: int) -> list[int]:
    cache = NgramCache(ids)
    return cache.guess(cache.places(), count)


@given(SEQUENCE)
def test_matches_are_all_there_are(ids: list[int]) -> None:
    assert [(match.order, match.following.tolist()) for match in NgramCache(ids).matches()] == by_hand(ids)


@given(SEQUENCE, SEQUENCE)
def test_extending_is_the_same_as_starting_with_all(first: list[int], second: list[int]) -> None:
    cache, whole = NgramCache(first), NgramCache([*first, *second])
    for token in second:
        cache.extend([token])
    grown, at_once = cache.places(), whole.places()
    assert cache.guess(grown, 3) == whole.guess(at_once, 3)
    assert grown.longest == at_once.longest
    for name in ("at", "following", "orders"):
        np.testing.assert_array_equal(getattr(grown, name), getattr(at_once, name))


@given(SEQUENCE)
def test_a_mixture_is_a_distribution_built_order_by_order(ids: list[int]) -> None:
    model = np.random.default_rng(0).dirichlet(np.ones(5)).astype(np.float32)
    cache = NgramCache(ids)
    mixed = mix(model, cache.places(), WEIGHTS)
    assert float(mixed.sum()) == pytest.approx(1.0, abs=1e-5)
    for token in range(5):
        expected = float(model[token])
        for match in cache.matches():
            share = WEIGHTS[match.order - 1][match.evidence]
            expected = (1 - share) * expected + share * match.share_of(token)
        assert float(mixed[token]) == pytest.approx(expected, abs=1e-5)


@given(SEQUENCE, st.integers(0, 99))
def test_a_mixture_adds_match_by_match_to_the_last_bit(ids: list[int], seed: int) -> None:
    """The longest match first, one addition for each place: what an answer rests on does not depend on the code."""
    model = np.random.default_rng(seed).dirichlet(np.ones(5)).astype(np.float32)
    cache = NgramCache(ids)
    left, added = 1.0, []
    for match in reversed(cache.matches()):
        share = WEIGHTS[match.order - 1][match.evidence]
        added += [(token, np.float32(left * share / len(match.following))) for token in match.following.tolist()]
        left *= 1 - share
    expected = model * np.float32(left)
    for token, part in added:
        expected[token] += part
    np.testing.assert_array_equal(mix(model, cache.places(), WEIGHTS), expected)


def test_without_weights_the_model_is_alone() -> None:
    model = np.array([0.5, 0.5], np.float32)
    assert mix(model, NgramCache([1, 0, 1]).places(), ()) is model
    assert mix(model, NgramCache([]).places(), WEIGHTS).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("ids", "evidence"), [([1, 2, 1], 0), ([1, 2, 0, 1, 2, 3, 1], 1), ([1, 2, 3, 1, 4, 1], 2)])
def test_evidence(ids: list[int], evidence: int) -> None:
    (match,) = NgramCache(ids).matches()
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
