"""The mixture that is fitted is the one that answers: as likely to the fit as to the engine, and what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repocomp.errors import TrainError
from repocomp.executor.journal import Journal
from repocomp.generate.local.generator import load
from repocomp.generate.local.ngram_cache import EVIDENCE, MAX_ORDER, NgramCache, Places, mix
from repocomp.model.pack import CacheMixture
from repocomp.train.lm.mix import choose_mixture, fit_mixture
from repocomp.train.lm.mixture import Token, _Flat, most_likely
from repocomp.train.repository import Repository
from tests.train.repositories import modules

VOCABULARY = 6
PLANTED = CacheMixture(((-0.5, 0.5, -1.0),) * MAX_ORDER, doubt=-0.5, agreement=0.5, lead=1.0, decay=1.0)


def drawn(count: int, seed: int) -> list[tuple[np.ndarray, Places, list[int]]]:
    """Random places: the model's distribution, what stood where, and the rank of each place, 0 for the file."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        ids = rng.integers(VOCABULARY, size=30).tolist()
        ranks = np.repeat([5, 2, 1, 0], [8, 8, 8, 6]).tolist()
        model = rng.dirichlet(np.full(VOCABULARY, 0.5)).astype(np.float32)
        found.append((model, NgramCache(ids, [1.0 + rank for rank in ranks]).places(), ranks))
    return found


def voted(places: Places, mixture: CacheMixture) -> Places:
    """The same places with the votes of their ranks."""
    votes = [1.0 if vote == 1 else mixture.vote(int(vote) - 1) for vote in places.votes.tolist()]
    return Places(places.at, places.following, np.array(votes, np.float32), places.orders, places.longest)


def test_what_was_planted_is_found_and_as_likely_to_the_engine() -> None:
    rng = np.random.default_rng(1)
    seen, told = [], []
    for model, places, _ in drawn(3000, 0):
        mixed = mix(model, voted(places, PLANTED), PLANTED).astype(np.float64)
        truth = int(rng.choice(VOCABULARY, p=mixed / mixed.sum()))
        seen.append(Token.of(model, places, truth))
        told.append((model, places, truth))
    found, nats = most_likely(seen)
    by_engine = [-np.log(mix(model, voted(places, found), found)[truth]) for model, places, truth in told]
    assert nats == pytest.approx(float(np.mean(by_engine)), abs=1e-3)
    by_planted = [-np.log(mix(model, voted(places, PLANTED), PLANTED)[truth]) for model, places, truth in told]
    assert nats <= float(np.mean(by_planted)) + 1e-3
    assert found.odds[0][2] == pytest.approx(PLANTED.odds[0][2], abs=0.15)
    assert (found.decay, found.lead) == pytest.approx((1.0, 1.0), abs=0.35)
    assert found.doubt == pytest.approx(-0.5, abs=0.15)
    assert found.agreement == pytest.approx(0.5, abs=0.15)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    rng = np.random.default_rng(3)
    places = _Flat.of([Token.of(model, found, int(rng.integers(VOCABULARY))) for model, found, _ in drawn(40, 4)])
    point = rng.normal(0, 0.5, MAX_ORDER * EVIDENCE + 4)
    _, slope = places.nats(point)
    for at in range(len(point)):
        step = np.zeros_like(point)
        step[at] = 1e-5
        rise = (places.nats(point + step)[0] - places.nats(point - step)[0]) / 2e-5
        assert slope[at] == pytest.approx(rise, abs=1e-6)


def test_a_cache_that_is_never_right_is_not_trusted() -> None:
    seen = []
    for model, places, _ in drawn(300, 2):
        absent = next(token for token in range(VOCABULARY + 1) if token not in places.following)
        sure = np.append(model, 0.2).astype(np.float32)
        seen.append(Token.of(sure / sure.sum(), places, absent))
    found, _ = most_likely(seen)
    assert max(found.odds[0]) < -2


def test_reading_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    loaded = load("default")
    repositories = [Repository("acme/one", [(path, text.encode()) for path, text in modules("one", 3).items()])]
    whole = fit_mixture(repositories, loaded, 3)
    ticks = iter([False, False, True])
    first = fit_mixture(repositories, loaded, 3, journal=Journal(tmp_path / "notes"), is_over=lambda: next(ticks))
    assert 0 < first.tokens < whole.tokens
    left = iter([False])
    rest = fit_mixture(repositories, loaded, 3, journal=Journal(tmp_path / "notes"), is_over=lambda: next(left))
    assert rest.tokens == whole.tokens
    assert rest.bits_mixed == pytest.approx(whole.bits_mixed, abs=0.01)


def test_the_time_may_be_over_before_anything_was_found() -> None:
    repositories = [Repository("acme/one", [(path, text.encode()) for path, text in modules("one", 2).items()])]
    with pytest.raises(TrainError):
        choose_mixture(repositories, load("default"), 2, time_spent=lambda: 2.0)
