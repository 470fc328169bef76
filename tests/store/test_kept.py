"""A bounded memory: what was used last stays, what is too large never enters, missing values are remembered too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from repocomp.store.index.cache import Kept


def test_the_least_recently_used_goes_first() -> None:
    kept: Kept[int, int] = Kept(8)
    for key in range(8):
        assert kept.get(key, lambda key=key: -key) == -key  # type: ignore[misc]
    assert kept.get(0, lambda: 99) == 0
    assert kept.get(8, lambda: -8) == -8
    assert (kept.get(0, lambda: 99), kept.get(1, lambda: 99)) == (0, 99)
    assert len(kept) == 8


def test_a_value_that_would_push_out_all_others_is_not_kept() -> None:
    kept: Kept[str, str] = Kept(80, len)
    assert kept.get("a", lambda: "x" * 11) == "x" * 11
    assert len(kept) == 0


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12))
def test_every_key_gets_its_value_whatever_was_asked_before(asked: list[list[int]]) -> None:
    kept: Kept[int, int | None] = Kept(16)

    def read(keys: Sequence[int]) -> Mapping[int, int | None]:
        assert len(set(keys)) == len(keys)
        return {key: key * key for key in keys if key % 3}

    for keys in asked:
        assert kept.each(keys, read, lambda: None) == [key * key if key % 3 else None for key in keys]
        assert len(kept) <= 16
