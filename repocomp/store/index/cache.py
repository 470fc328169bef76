"""A bounded memory of what was read from an index, the least recently used forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S")

_LARGE = 8
"""A value that alone takes more than one part in so many is not kept: it would push out all others."""


class Kept(Generic[K, V]):
    """Values by key, as many as `most` allows; `size` says what one counts, by default 1. Not safe for two threads."""

    def __init__(self, most: int, size: Callable[[V], int] = lambda _: 1) -> None:
        self._most, self._size, self._held = most, size, 0
        self._values: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        """Forget all."""
        self._values.clear()
        self._held = 0

    def get(self, key: K, read: Callable[[], V]) -> V:
        """The value of `key`, read where it is not known."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = read()
        self._keep(key, value)
        return value

    def each(
        self, keys: Iterable[K], read: Callable[[Sequence[K]], Mapping[K, V]], missing: Callable[[], V]
    ) -> list[V]:
        """The values of `keys` in order; those not known are read in one go, `missing` stands for what is nowhere."""
        wanted = list(keys)
        known = self._values
        unknown = [key for key in dict.fromkeys(wanted) if key not in known]
        fresh = read(unknown) if unknown else {}
        added = {key: fresh[key] if key in fresh else missing() for key in unknown}
        found = [known[key] if key in known else added[key] for key in wanted]
        for key in wanted:
            if key in known:
                known.move_to_end(key)
        for key, value in added.items():
            self._keep(key, value)
        return found

    def _keep(self, key: K, value: V) -> None:
        size = self._size(value)
        if size * _LARGE > self._most:
            return
        self._values[key] = value
        self._held += size
        while self._held > self._most:
            _, old = self._values.popitem(last=False)
            self._held -= self._size(old)


class Made(Generic[S]):
    """What others made of a `source` and want again, one thing of each function that makes it."""

    def __init__(self) -> None:
        self._things: dict[Callable[[S], object], Any] = {}

    def clear(self) -> None:
        """Forget all."""
        self._things.clear()

    def get(self, make: Callable[[S], V], source: S) -> V:
        """What `make` makes of the `source`, made at the first call."""
        if make not in self._things:
            self._things[make] = make(source)
        thing: V = self._things[make]
        return thing
