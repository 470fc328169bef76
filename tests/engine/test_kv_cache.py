from __future__ import annotations

import pytest

from repocomp.engine.kv_cache import KvCache


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
