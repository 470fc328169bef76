"""The 8-bit scan says what integer arithmetic says, whatever the sizes."""

from __future__ import annotations

import numpy as np
import pytest

from repocomp.model.scan import Scan


@pytest.mark.parametrize(("size", "d"), [(1, 1), (3, 128), (200, 7), (1500, 64)])
def test_products_are_those_of_whole_numbers(size: int, d: int) -> None:
    rng = np.random.default_rng(size)
    rows = rng.integers(-127, 128, (size, d), dtype=np.int8)
    levels = rng.integers(-127, 128, d)
    levels[0] = 127
    found = Scan(rows).products((levels / 300).astype(np.float32))
    assert found.tolist() == (rows.astype(np.int64) @ levels).tolist()


def test_a_vector_of_nothing_is_as_far_from_all() -> None:
    assert Scan(np.ones((4, 8), dtype=np.int8)).products(np.zeros(8, dtype=np.float32)).tolist() == [0, 0, 0, 0]
