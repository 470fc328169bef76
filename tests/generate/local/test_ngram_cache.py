"""Lookups against a search by hand; the mixture stays a distribution; guesses follow the longest, latest match."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.generate.local.ngram_cache import BOUNDARY, EVIDENCE, MAX_ORDER, NgramCache, log_odds, mix
from repocomp.model.pack import ALONE, CacheMixture

SEQUENCE = st.lists(st.integers(-1, 4), min_size=1, max_size=40)
MIXTURE = CacheMixture(
    tuple((0.3 * n - 2, 0.4 * n - 1.5, 0.2 * n - 2) for n in range(MAX_ORDER)), doubt=-0.3, agreement=0.2
)


def by_hand(ids: list[int]) -> list[tuple[int, list[int]]]:
    """For each suffix without a wall, all that stands after its earlier occurrences, while there are any."""
    found = []
    for order in range(1, MAX_ORDER + 1):
        tail = ids[-order:]
        if order > len(ids) or BOUNDARY in tail:
            break
        after = [ids[at + order] for at in range(len(ids) - order) if ids[at : at + order] == tail]
        after = [token for token in after if token != BOUNDARY]
        if not after:
            break
        found.append((order, after))
    return found


def guess(ids: list[int], count: int) -> list[int]:
    cache = NgramCache(ids)
    return cache.guess(cache.places(), count)


def votes_of(ids: list[int]) -> list[float]:
    """Some votes that differ."""
    return [1 + at % 3 / 2 for at in range(len(ids))]


@given(SEQUENCE)
def test_places_are_all_there_are(ids: list[int]) -> None:
    places = NgramCache(ids).places()
    found = [(order, places.following[places.orders >= order].tolist()) for order in range(1, places.longest + 1)]
    assert found == by_hand(ids)


@given(SEQUENCE, SEQUENCE)
def test_extending_is_the_same_as_starting_with_all(first: list[int], second: list[int]) -> None:
    cache, whole = NgramCache(first), NgramCache([*first, *second])
    for token in second:
        cache.extend([token])
    grown, at_once = cache.places(), whole.places()
    assert cache.guess(grown, 3) == whole.guess(at_once, 3)
    assert grown.longest == at_once.longest
    for name in ("at", "following", "votes", "orders"):
        np.testing.assert_array_equal(getattr(grown, name), getattr(at_once, name))


@given(SEQUENCE, st.integers(0, 99))
def test_a_mixture_is_a_distribution_built_order_by_order(ids: list[int], seed: int) -> None:
    model = np.random.default_rng(seed).dirichlet(np.ones(5)).astype(np.float32)
    places = NgramCache(ids, votes_of(ids)).places()
    mixed = mix(model, places, MIXTURE)
    assert float(mixed.sum()) == pytest.approx(1.0, abs=1e-5)
    expected = {token: float(model[token]) for token in range(5)}
    sure = math.log(model.max() / (1 - model.max()))
    for order, evidence in enumerate(places.evidence(), 1):
        share = 1 / (1 + math.exp(-MIXTURE.odds[order - 1][evidence] - MIXTURE.doubt * sure))
        is_met = places.orders >= order
        votes = places.votes[is_met] * model[places.following[is_met]] ** MIXTURE.agreement
        for token in expected:
            said = votes[places.following[is_met] == token].sum() / votes.sum()
            expected[token] = (1 - share) * expected[token] + share * said
    assert mixed.tolist() == pytest.approx(list(expected.values()), abs=1e-5)


@given(SEQUENCE, st.integers(0, 99))
def test_a_mixture_adds_place_by_place_to_the_last_bit(ids: list[int], seed: int) -> None:
    """The longest match first, one addition for each place: what an answer rests on does not depend on the code."""
    model = np.random.default_rng(seed).dirichlet(np.ones(5)).astype(np.float32)
    places = NgramCache(ids, votes_of(ids)).places()
    votes = (places.votes * model[places.following].astype(np.float64) ** MIXTURE.agreement).tolist()
    orders = places.orders.tolist()
    doubt, left, total = MIXTURE.doubt * log_odds(float(model.max())), 1.0, 0.0
    a_vote: dict[int, float] = {}
    for order in range(places.longest, 0, -1):
        own = 0.0
        for vote, at in zip(votes, orders, strict=True):
            own += vote if at == order else 0.0
        total += own
        share = 1 / (1 + math.exp(-MIXTURE.odds[order - 1][places.evidence()[order - 1]] - doubt))
        a_vote[order] = left * share / total
        left *= 1 - share
    expected = model * np.float32(left)
    worth = dict(zip(sorted(a_vote), accumulate(a_vote[order] for order in sorted(a_vote)), strict=True))
    for token, vote, order in zip(places.following.tolist(), votes, orders, strict=True):
        expected[token] += np.float32(vote * worth[order])
    np.testing.assert_array_equal(mix(model, places, MIXTURE), expected)


def test_without_a_mixture_the_model_is_alone() -> None:
    model = np.array([0.5, 0.5], np.float32)
    assert mix(model, NgramCache([1, 0, 1]).places(), ALONE) is model
    assert mix(model, NgramCache([]).places(), MIXTURE).tolist() == [0.5, 0.5]


def test_a_sure_model_and_one_that_gives_nothing_are_still_mixed() -> None:
    for model in (np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)):
        mixed = mix(model, NgramCache([1, 0, 1]).places(), MIXTURE)
        assert np.isfinite(mixed).all()
        assert float(mixed.sum()) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("ids", "evidence"), [([1, 2, 1], 0), ([1, 2, 0, 1, 2, 3, 1], 1), ([1, 2, 3, 1, 4, 1], 2)])
def test_evidence(ids: list[int], evidence: int) -> None:
    assert NgramCache(ids).places().evidence() == [evidence]
    assert evidence < EVIDENCE


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
