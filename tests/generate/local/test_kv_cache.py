from __future__ import annotations

import pytest

from repocomp.generate.local.kv_cache import KvCache, KvCaches


def cache_of(*tokens: int) -> KvCache:
    cache = KvCache(buffers=None)
    cache.tokens.extend(tokens)
    return cache


@pytest.mark.parametrize(
    ("held", "wanted", "common"),
    [
        ((), (1, 2), 0),
        ((1, 2, 3), (1, 2, 4), 2),
        ((1, 2, 3), (1, 2, 3, 4), 3),
        ((1, 2, 3, 4), (1, 2, 3), 2),
        ((1, 2, 3), (1, 2, 3), 2),
        ((9, 2, 3), (1, 2, 3), 0),
        ((1,), (), 0),
    ],
)
def test_reuse_rewinds_to_the_common_prefix_and_leaves_one_to_run(
    held: tuple[int, ...], wanted: tuple[int, ...], common: int
) -> None:
    cache = cache_of(*held)
    assert cache.reuse(wanted) == common
    assert cache.tokens == list(held[:common])


def test_truncate_keeps_the_beginning() -> None:
    cache = cache_of(5, 6, 7)
    cache.truncate(2)
    assert (cache.tokens, cache.length) == ([5, 6], 2)
    cache.truncate(4)
    assert cache.length == 2


def test_buffers_are_the_models_own() -> None:
    class Model:
        def new_buffers(self) -> str:
            return "opaque"

    assert KvCache.of(Model()).buffers == "opaque"


def test_what_was_read_is_recalled_for_as_long_as_its_tokens_stand() -> None:
    cache = cache_of(1, 2, 3)
    cache.remember(3, "logits")
    cache.tokens.extend([4, 5])
    assert (cache.recall([1, 2, 3]), cache.recall([1, 2]), cache.recall([1, 2, 9])) == ("logits", None, None)
    cache.truncate(3)
    assert cache.recall([1, 2, 3]) == "logits"
    cache.truncate(2)
    cache.tokens.append(3)
    assert cache.recall([1, 2, 3]) is None


def several(capacity: int) -> KvCaches:
    class Model:
        def new_buffers(self) -> list[int]:
            return []

    return KvCaches(Model(), capacity)


def fill(caches: KvCaches, ids: list[int]) -> int:
    """Tokens that were there already."""
    cache = caches.take(ids)
    reused = cache.reuse(ids)
    cache.tokens.extend(ids[reused:])
    return reused


def test_each_place_keeps_its_own_sequence_and_the_oldest_makes_room() -> None:
    caches = several(2)
    a, b, c = ([1, number, *range(100)] for number in (10, 11, 12))
    assert [fill(caches, ids) for ids in (a, b, a, b)] == [0, 0, 101, 101]
    assert fill(caches, [*a[:60], 7]) == 60
    assert (fill(caches, c), len(caches)) == (1, 2)
    assert fill(caches, [*a[:60], 8]) == 60
    assert fill(caches, b) == 1


def test_the_sequence_in_use_is_the_newest_and_alone_survives_shrinking() -> None:
    caches = several(3)
    for number in range(3):
        fill(caches, [number, *range(50)])
    assert caches.newest.tokens[0] == 2
    caches.shrink()
    assert (len(caches), fill(caches, [2, *range(50)])) == (1, 50)


def test_short_prompts_are_kept_too() -> None:
    caches = several(2)
    fill(caches, [1, 2, 3, 4])
    assert fill(caches, [1, 2, 3, 5]) == 3
    assert len(caches) == 1
