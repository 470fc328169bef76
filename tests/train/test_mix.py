"""Expectation-maximisation finds shares that were planted, and never makes the data less likely."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.engine.ngram_cache import EVIDENCE, MAX_ORDER

pytest.importorskip("torch")

from repocomp.train.mix import _improved, _parts

SIZE = 20_000


def test_planted_shares_are_found() -> None:
    rng = np.random.default_rng(0)
    # Two matches a token, in cells 0 and 4 (length 1, one occurrence; length 2, several that agree).
    planted = np.zeros(MAX_ORDER * EVIDENCE)
    planted[0], planted[4] = 0.2, 0.6
    cells = np.full((SIZE, 1 + MAX_ORDER), -1)
    cells[:, 1], cells[:, 2] = 0, 4
    source = np.where(rng.random(SIZE) < planted[4], 2, np.where(rng.random(SIZE) < planted[0], 1, 0))
    sources = np.zeros((SIZE, 1 + MAX_ORDER))
    sources[:, :3] = 0.001
    sources[np.arange(SIZE), source] = 0.5
    shares, before = np.full(MAX_ORDER * EVIDENCE, 0.3), -np.inf
    for _ in range(30):
        likelihood = float(np.log(_parts(shares, sources, cells).sum(axis=1)).sum())
        assert likelihood >= before - 1.0  # the doubt of ten observations
        before, shares = likelihood, _improved(shares, sources, cells)
    assert shares[[0, 4]] == pytest.approx(planted[[0, 4]], abs=0.02)
    assert shares.sum() == pytest.approx(shares[[0, 4]].sum())
