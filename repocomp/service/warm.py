"""What stays open between requests: models, indexes with what was learned there, and key/value caches.

Nothing is served stale: packs and indexes are looked at on the disk before each request, and opened anew when they
changed. Nothing grows for ever: the least recently used goes first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from repocomp.complete.pairs import pair_of
from repocomp.complete.parts import IndexRetriever, Parts
from repocomp.config import Settings
from repocomp.generate.access import Access
from repocomp.generate.backends import is_pack, open_generator
from repocomp.generate.generator import Generator
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.generate.local.kv_cache import KvCaches
from repocomp.lru import LruCache
from repocomp.model.library import folder_of
from repocomp.model.pack import MANIFEST
from repocomp.policy.learned import path_for
from repocomp.policy.selector import Selector
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import confidence_path, index_path
from repocomp.tree import real

_PACKS, _INDEXES, _SERVERS = 3, 8, 8
_CACHE_SHARE = 4
"""Key/value caches take up to a quarter of the memory cap."""

Stamp = tuple[tuple[int, ...], ...]
"""What the disk says of some files; equal stamps mean unchanged files."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts of an answer, and `state`: a value that is equal as long as they would give the same answer."""

    parts: Parts
    state: object


class Warm:
    """Opens what a request needs, and keeps it. For one thread.

    Without `memory_bytes` nothing is expected to be asked again, and one key/value cache has to do.
    """

    def __init__(self, memory_bytes: int | None = None) -> None:
        self._memory_bytes = memory_bytes
        self._packs: LruCache[Path, tuple[Stamp, LocalGenerator]] = LruCache(_PACKS)
        self._servers: LruCache[tuple[str, Access], Generator] = LruCache(_SERVERS)
        self._indexes: LruCache[Path, tuple[Stamp, IndexReader, object]] = LruCache(
            _INDEXES, on_evict=lambda held: held[1].close()
        )
        self._selectors: LruCache[Path, tuple[object, Selector]] = LruCache(_INDEXES)

    def open(self, root: Path | None, settings: Settings, access: Access) -> Opened:
        """The parts for a work tree by its settings, a server by `access` to it.

        Raises PackError, StoreError for a damaged index, and ConfigError for a server that must not be asked.
        """
        policy, policy_state = self.pack(settings.policy)
        generator, generator_state = self._generator(settings.generator, access)
        reader, index_state = self._index(root)
        selector, learned_state = self._selector(root, reader, generator)
        retriever = None if reader is None else IndexRetriever(reader)
        parts = Parts(policy, generator, retriever, selector, pair_of(policy, generator))
        return Opened(parts, (policy_state, generator_state, index_state, learned_state))

    def pack(self, name: str) -> tuple[LocalGenerator, Stamp]:
        """A pack that is ready to run, and what the disk says of it. Raises PackError."""
        folder = real(folder_of(name))
        held = self._packs.get(folder)
        if held is not None and held[0] == _stamp_of_pack(folder, held[1]):
            return held[1], held[0]
        self._packs.drop(folder)
        fresh = load(name)
        if self._memory_bytes is not None:
            capacity = max(1, self._memory_bytes // _CACHE_SHARE // fresh.pack.shape.cache_bytes)
            fresh = replace(fresh, caches=KvCaches(fresh.model, capacity))
        stamp = _stamp_of_pack(folder, fresh)
        self._packs.put(folder, (stamp, fresh))
        return fresh, stamp

    def close_indexes(self) -> None:
        """Let go of every index: it is opened anew when it is asked for."""
        self._indexes.clear()
        self._selectors.clear()

    def shrink(self) -> None:
        """Give back what can be made again: indexes, and all key/value caches but the newest."""
        self.close_indexes()
        for _, held in self._packs.values():
            held.caches.shrink()

    def model_bytes(self) -> int:
        """What the models that are held need at the least: their weights, and half as much again around them."""
        return sum(3 * loaded.pack.weight_bytes // 2 for _, loaded in self._packs.values())

    def describe(self) -> dict[str, int]:
        """How much is held, by kind."""
        caches = sum(len(held.caches) for _, held in self._packs.values())
        return {"packs": len(self._packs), "indexes": len(self._indexes), "caches": caches}

    def _generator(self, name: str, access: Access) -> tuple[Generator, object]:
        if is_pack(name):
            return self.pack(name)
        held = self._servers.get((name, access))
        return (held if held is not None else self._servers.put((name, access), open_generator(name, access))), name

    def _selector(
        self, root: Path | None, reader: IndexReader | None, generator: Generator
    ) -> tuple[Selector | None, object]:
        """What was learned in a repository, and a value that is equal as long as it is the same."""
        if root is None or reader is None:
            return None, None
        path = path_for(root)
        learned = () if path is None else (path, confidence_path(path.parent.name))
        shared = generator.pack.learned_path if isinstance(generator, LocalGenerator) else None
        state = (path, _stamp(*learned), generator.digest, shared)
        held = self._selectors.get(root)
        if held is None or held[0] != state or held[1].reader is not reader:
            is_read = generator.snippet_tokens > 0
            opened = Selector.open(root, reader, generator.digest, is_read=is_read, shared=shared)
            held = self._selectors.put(root, (state, opened))
        return held[1], state

    def _index(self, root: Path | None) -> tuple[IndexReader | None, object]:
        """The index of a work tree, and a value that is equal as long as the index says the same."""
        if root is None:
            return None, None
        path = index_path(root)
        stamp = _stamp(path)
        held = self._indexes.get(path)
        if held is not None and held[0] == stamp:
            return held[1], (held[2], held[1].version)
        self._indexes.drop(path)
        reader = IndexReader.open(root)
        if reader is None:
            return None, None
        # Versions count from one opening to the next: an object of its own says which opening.
        opening = object()
        self._indexes.put(path, (stamp, reader, opening))
        return reader, (opening, reader.version)


def _stamp_of_pack(folder: Path, generator: LocalGenerator) -> Stamp:
    return _stamp(folder / MANIFEST, *(folder / name for name in generator.pack.digests))


def _stamp(*paths: Path) -> Stamp:
    return tuple(_facts(path) for path in paths)


def _facts(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
