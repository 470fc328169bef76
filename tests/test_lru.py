"""A bounded cache: what was used last stays, what is too large never enters, missing values are remembered too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from repocomp.lru import LruCache


def test_the_least_recently_used_goes_first() -> None:
    cache: LruCache[int, int] = LruCache(8)
    for key in range(8):
        assert cache.get_or(key, lambda key=key: -key) == -key  # type: ignore[misc]
    assert cache.get_or(0, lambda: 99) == 0
    assert cache.get_or(8, lambda: -8) == -8
    assert (cache.get(0), cache.get(1)) == (0, None)
    assert (len(cache), cache.values()[-1]) == (8, 0)


def test_a_value_that_would_push_out_all_others_is_not_kept() -> None:
    cache: LruCache[str, str] = LruCache(80, len)
    assert cache.get_or("a", lambda: "x" * 11) == "x" * 11
    assert len(cache) == 0


def test_a_few_large_things_can_be_counted_one_by_one() -> None:
    gone: list[str] = []
    cache: LruCache[int, str] = LruCache(2, on_evict=gone.append)
    for key, value in enumerate("abc"):
        assert cache.put(key, value) == value
    assert (gone, cache.values()) == (["a"], ["b", "c"])
    cache.put(1, "d")
    cache.drop(7)
    cache.drop(2)
    cache.clear()
    assert (gone, len(cache)) == (["a", "b", "c", "d"], 0)


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12))
def test_every_key_gets_its_value_whatever_came_before(queries: list[list[int]]) -> None:
    cache: LruCache[int, int | None] = LruCache(16)

    def read(keys: Sequence[int]) -> Mapping[int, int | None]:
        assert len(set(keys)) == len(keys)
        return {key: key * key for key in keys if key % 3}

    for keys in queries:
        assert cache.get_many(keys, read, lambda: None) == [key * key if key % 3 else None for key in keys]
        assert len(cache) <= 16


@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=6)), max_size=40))
def test_the_summed_cost_stays_within_bounds(puts: list[tuple[int, str]]) -> None:
    cache: LruCache[int, str] = LruCache(40, len)
    for key, value in puts:
        cache.put(key, value)
        assert sum(map(len, cache.values())) <= 40
        assert cache.get(key) == (value if len(value) * 8 <= 40 else None)
