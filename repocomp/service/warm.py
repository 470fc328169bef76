"""What the daemon keeps between requests: models, open indexes, key/value caches, and what it offered last.

Nothing is served stale: packs and indexes are looked at on the disk before each request, and opened anew when they
changed. Nothing grows for ever: the least recently used goes first.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from repocomp.complete.parts import IndexRetriever, Loaded, Parts, Selector, load, open_selector
from repocomp.complete.pipeline import complete
from repocomp.config import Settings
from repocomp.errors import RepocompError
from repocomp.generate.local.decode import Ids, Logits
from repocomp.generate.local.kv_cache import KvCaches
from repocomp.generate.local.wrapped import WrappedModel
from repocomp.model.pack import MANIFEST, folder_of
from repocomp.policy.learned import path_for
from repocomp.request import Completion, CompletionRequest
from repocomp.serve.server import Cancelled
from repocomp.service.reuse import Offer
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import index_path

_PACKS, _INDEXES, _OFFERS = 3, 8, 64
_CACHE_SHARE = 4
"""Key/value caches take up to a quarter of the memory cap."""

Emit = Callable[[str], None]
Stamp = tuple[tuple[int, ...], ...]
"""What the disk says of some files; equal stamps mean unchanged files."""
_Value = TypeVar("_Value")


class Recent(Generic[_Value]):
    """At most `capacity` values by key; the one used longest ago is let go, after `leave` was told."""

    def __init__(self, capacity: int, leave: Callable[[_Value], None] = lambda value: None) -> None:
        self._capacity, self._leave = capacity, leave
        self._held: OrderedDict[object, _Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: object) -> _Value | None:
        """The value of `key`, now the last to go."""
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, key: object, value: _Value) -> _Value:
        """Hold `value`."""
        self.drop(key)
        self._held[key] = value
        while len(self._held) > self._capacity:
            self._leave(self._held.popitem(last=False)[1])
        return value

    def values(self) -> list[_Value]:
        """Everything that is held."""
        return list(self._held.values())

    def drop(self, key: object) -> None:
        """Let go of `key`, if it is held."""
        if key in self._held:
            self._leave(self._held.pop(key))

    def clear(self) -> None:
        """Let go of everything."""
        for key in list(self._held):
            self.drop(key)


@dataclass(frozen=True, slots=True)
class Cancellable(WrappedModel):
    """A model that stops between two runs, each 20 ms at most, once nobody waits for what it writes."""

    is_cancelled: Callable[[], bool]

    def run(self, ids: Ids, past: int, buffers: Any, keep: int) -> Logits:  # noqa: ANN401
        """As the model does. Raises Cancelled, with nothing changed."""
        if self.is_cancelled():
            raise Cancelled
        return self.inner.run(ids, past, buffers, keep)


class Warm:
    """Answers requests as a fresh process would, without its start. For one thread."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._packs: Recent[tuple[Stamp, Loaded]] = Recent(_PACKS)
        self._indexes: Recent[tuple[Stamp, IndexReader, object]] = Recent(_INDEXES, lambda held: held[1].close())
        self._selectors: Recent[tuple[object, Selector]] = Recent(_INDEXES)
        self._offers: Recent[Offer] = Recent(_OFFERS)

    def complete(
        self, request: CompletionRequest, settings: Settings, is_cancelled: Callable[[], bool], emit: Emit | None = None
    ) -> Completion:
        """Answer one request. Raises RepocompError, and Cancelled once `is_cancelled` says so."""
        try:
            return self._complete(request, settings, is_cancelled, emit)
        except RepocompError:
            # What failed is opened anew the next time: the user may have mended it.
            self._indexes.clear()
            raise

    def preload(self, pack_name: str) -> None:
        """Have a pack ready before it is asked for."""
        self._pack(pack_name)

    def trim(self) -> bool:
        """Give memory back when there is too much of it; whether the daemon may go on."""
        if resident_bytes() <= self._memory_bytes:
            return True
        self._offers.clear()
        self._indexes.clear()
        for _, held in self._packs.values():
            held.caches.shrink()
        return resident_bytes() <= self._memory_bytes

    def describe(self) -> dict[str, Any]:
        """What is held, for `status`."""
        caches = sum(len(held.caches) for _, held in self._packs.values())
        return {
            "memory_bytes": resident_bytes(),
            "memory_cap_bytes": self._memory_bytes,
            "packs": len(self._packs),
            "indexes": len(self._indexes),
            "caches": caches,
        }

    def _complete(
        self, request: CompletionRequest, settings: Settings, is_cancelled: Callable[[], bool], emit: Emit | None
    ) -> Completion:
        generator, *states = self._pack(settings.generator)
        policy = generator
        if settings.policy != settings.generator:
            policy, policy_state = self._pack(settings.policy)
            states.append(policy_state)
        reader, index_state = self._index(request.root)
        selector, learned_state = self._selector(request.root, reader, generator)
        state = (*states, index_state, learned_state)
        place = (request.root, request.document.path)
        offer = self._offers.get(place)
        rest = offer.rest(request, state, generator.pack.digest) if offer is not None else None
        if rest is not None:
            if emit is not None:
                emit(rest.text)
            return rest
        writing = replace(generator, model=Cancellable(generator.model, is_cancelled))
        deciding = writing if policy is generator else replace(policy, model=Cancellable(policy.model, is_cancelled))
        parts = Parts(deciding, writing, None if reader is None else IndexRetriever(reader), selector)
        completion = complete(request, parts, emit)
        self._offers.put(place, Offer(request, completion, state))
        return completion

    def _pack(self, name: str) -> tuple[Loaded, Stamp]:
        folder = folder_of(name).resolve()
        held = self._packs.get(folder)
        if held is not None and held[0] == _stamp_of_pack(folder, held[1]):
            return held[1], held[0]
        self._packs.drop(folder)
        fresh = load(name)
        capacity = max(1, self._memory_bytes // _CACHE_SHARE // fresh.pack.shape.cache_bytes)
        fresh = replace(fresh, caches=KvCaches(fresh.model, capacity))
        stamp = _stamp_of_pack(folder, fresh)
        self._packs.put(folder, (stamp, fresh))
        return fresh, stamp

    def _selector(
        self, root: Path | None, reader: IndexReader | None, generator: Loaded
    ) -> tuple[Selector | None, object]:
        """What was learned in a repository, and a value that is equal as long as it is the same."""
        if root is None or reader is None:
            return None, None
        path = path_for(root)
        state = (path, None if path is None else _stamp(path), generator.pack.digest)
        held = self._selectors.get(root)
        if held is None or held[0] != state or held[1].reader is not reader:
            held = self._selectors.put(root, (state, open_selector(root, reader, generator)))
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


def resident_bytes() -> int:
    """Memory this process holds, where the system tells for a few microseconds; else 0."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _stamp_of_pack(folder: Path, loaded: Loaded) -> Stamp:
    return _stamp(folder / MANIFEST, *(folder / name for name in loaded.pack.digests))


def _stamp(*paths: Path) -> Stamp:
    return tuple(_facts(path) for path in paths)


def _facts(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
