"""A read-only connection to an index with one cache in front: what was read is kept while the database stays the same.

SQLite's `data_version` tells for a microsecond whether another process has written since.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from repocomp.lru import LruCache
from repocomp.store.connect import Connection
from repocomp.store.index.connect import explained

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_CAPACITY_BYTES = 64_000_000
_BATCH = 500
"""Values in one IN list; SQLite's own limit was 999 for long."""
_ROW_BYTES = 150
_SAMPLE = 4


class CachedConnection:
    """Rows of an index, and a cache of what queries make of them. Errors of the database become StoreError."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self.path = path
        self._connection = connection
        self._cache: LruCache[Hashable, Any] = LruCache(_CAPACITY_BYTES, size_bytes)
        self._version = -1
        self._is_fixed = False

    def close(self) -> None:
        """Close the database."""
        self._cache.clear()
        self._connection.close()

    def version(self) -> int:
        """A number that changes when another process has changed the database."""
        if not self._is_fixed:
            version = int(next(self.rows("PRAGMA data_version"))[0])
            if version != self._version:
                self._version = version
                self._cache.clear()
        return self._version

    @contextmanager
    def fixed(self) -> Iterator[None]:
        """One state of the database for everything that is read inside, whatever is written meanwhile."""
        if self._is_fixed:
            yield
            return
        self.rows("BEGIN")
        try:
            self.version()
            self._is_fixed = True
            yield
        finally:
            self._is_fixed = False
            self.rows("COMMIT")

    def one(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`, which no other query uses, made where this version's is not known. Not to be changed."""
        self.version()
        value: V = self._cache.get_or(key, make)
        return value

    def many(
        self, keys: Iterable[K], read: Callable[[Sequence[K]], Mapping[K, V]], missing: Callable[[], V]
    ) -> list[V]:
        """The values of `keys`, which no other query uses, in order; those not known are read in one call."""
        self.version()
        cache: LruCache[Any, Any] = self._cache
        return cache.get_many(keys, read, missing)

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """All rows of a statement."""
        with explained(self.path):
            return iter(self._connection.execute(sql, tuple(values)).fetchall())

    def rows_in(
        self, select: str, values: Sequence[object], before: Sequence[object] = (), tail: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of `select` for all `values` of its last IN, a batch at a time."""
        for at in range(0, len(values), _BATCH):
            batch = values[at : at + _BATCH]
            yield from self.rows(f"{select} ({','.join('?' * len(batch))}) {tail}", (*before, *batch))


def size_bytes(value: object) -> int:
    """About how many bytes a value occupies; a list is judged by a few of its elements."""
    if type(value) is not list:
        return _ROW_BYTES + getattr(value, "nbytes", 0)
    sample = value[:: 1 + len(value) // _SAMPLE]
    return _ROW_BYTES + sum([size_bytes(one) for one in sample]) * len(value) // (len(sample) or 1)
