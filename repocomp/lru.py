"""A bounded cache that evicts the least recently used value first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_LARGE = 8
"""Where costs count, a value of more than one part in so many is not kept: it would evict too much."""


class LruCache(Generic[K, V]):
    """Values by key, whose summed cost stays within `capacity`. Not safe for two threads.

    Each value costs 1, or what `cost` says. `on_evict` is told every value that leaves, also by `drop` and `clear`.
    """

    def __init__(
        self, capacity: int, cost: Callable[[V], int] | None = None, on_evict: Callable[[V], None] | None = None
    ) -> None:
        self._capacity, self._cost, self._on_evict = capacity, cost, on_evict
        self._total = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value of `key`, now the most recently used; None where there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def get_or(self, key: K, make: Callable[[], V]) -> V:
        """The value of `key`, made where there is none."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            return entry[0]
        return self.put(key, make())

    def get_many(
        self, keys: Iterable[K], read: Callable[[Sequence[K]], Mapping[K, V]], missing: Callable[[], V]
    ) -> list[V]:
        """The values of `keys` in order; unknown ones are read in one call, `missing` makes those it does not find."""
        wanted, entries = list(keys), self._entries
        unknown = list(dict.fromkeys([key for key in wanted if key not in entries]))
        if not unknown:
            for key in wanted:
                entries.move_to_end(key)
            return [entries[key][0] for key in wanted]
        fresh = read(unknown)
        added = {key: fresh[key] if key in fresh else missing() for key in unknown}
        # Keeping the new values may evict known ones: they are looked up first.
        values = [added[key] if key in added else entries[key][0] for key in wanted]
        for key in wanted:
            if key not in added:
                entries.move_to_end(key)
        self._add(added)
        return values

    def _add(self, added: Mapping[K, V]) -> None:
        """Keep values that are not there yet."""
        if self._cost is not None:
            for key, value in added.items():
                self.put(key, value)
            return
        # By the hundred in each retrieval.
        self._entries.update((key, (value, 1)) for key, value in added.items())
        self._total += len(added)
        while self._total > self._capacity:
            self._evict(next(iter(self._entries)))

    def put(self, key: K, value: V) -> V:
        """Keep `value`, in the place of an earlier one; returns it."""
        if key in self._entries:
            self._evict(key)
        cost = 1
        if self._cost is not None:
            cost = self._cost(value)
            if cost * _LARGE > self._capacity:
                return value
        self._entries[key] = (value, cost)
        self._total += cost
        while self._total > self._capacity:
            self._evict(next(iter(self._entries)))
        return value

    def values(self) -> list[V]:
        """All values, the least recently used first."""
        return [value for value, _ in self._entries.values()]

    def drop(self, key: K) -> None:
        """Evict `key`, if it is there."""
        if key in self._entries:
            self._evict(key)

    def clear(self) -> None:
        """Evict everything."""
        for key in list(self._entries):
            self._evict(key)

    def _evict(self, key: K) -> None:
        value, cost = self._entries.pop(key)
        self._total -= cost
        if self._on_evict is not None:
            self._on_evict(value)
