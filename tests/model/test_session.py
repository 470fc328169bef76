"""One session over the default pack: how a sequence is split into runs changes neither the answer nor what is held."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.model.library import load_pack
from repocomp.model.opening import open_session
from repocomp.model.session import Session

IDS = np.random.default_rng(0).integers(8, 2000, 12)


@pytest.fixture(scope="module")
def session() -> Session:
    return open_session(load_pack("default"))


@pytest.mark.parametrize("sizes", [[12], [2, 5, 5], [1, 1, 3, 1, 6], [5, 2, 4, 1]])
def test_runs_of_any_size_give_the_same_logits_to_the_bit(session: Session, sizes: list[int]) -> None:
    whole = session.run(IDS, 0, session.new_buffers(), len(IDS)).copy()
    buffers, past = session.new_buffers(), 0
    for size in sizes:
        rows = session.run(IDS[past : past + size], past, buffers, size)
        np.testing.assert_array_equal(rows, whole[past : past + size])
        past += size


def test_what_is_bound_anew_is_let_go(session: Session) -> None:
    buffers = session.new_buffers()
    session.run(IDS, 0, buffers, len(IDS))
    held, rows = len(buffers.held), buffers.rows
    for size in (1, 5, 2, 5, 3, 12):
        session.run(IDS[:size], 0, buffers, size)
    assert len(buffers.held) == held
    assert buffers.rows is rows
