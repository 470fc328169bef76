"""Reading an index: the one view of it that retrieval and evaluation stand on.

Connections are read-only and never wait for a writer. What can be asked stands in `queries.py`, by subject; what was
asked is kept, within bounds, until the database changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from repocomp.store.connect import Connection
from repocomp.store.index.cache import CachedConnection
from repocomp.store.index.connect import NotMadeYet, open_index
from repocomp.store.index.queries import ChunkQueries, ContentQueries, FileQueries, SegmentQueries, SymbolQueries
from repocomp.store.paths import index_path

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_COUNTED = {
    "files": "file WHERE content_id IS NOT NULL",
    "skipped": "file WHERE skipped IS NOT NULL",
    "contents": "content WHERE live = 1",
    "chunks": "chunk",
    "symbols": "symbol",
    "segments": "segment",
}


class IndexReader:
    """An open index: what it says now, or inside `snapshot()` what it said at the start of that.

    Not safe for two threads at once; errors of the database become StoreError.
    """

    def __init__(self, path: Path, connection: Connection) -> None:
        self.path = path
        self._database = CachedConnection(path, connection)
        self._memo: dict[Callable[[IndexReader], object], Any] = {}
        self.files = FileQueries(self._database)
        self.contents = ContentQueries(self._database)
        self.chunks = ChunkQueries(self._database)
        self.symbols = SymbolQueries(self._database)
        self.segments = SegmentQueries(self._database)

    @classmethod
    def open(cls, root: Path) -> IndexReader | None:
        """The index of the work tree at `root`, or None when it has none yet."""
        path = index_path(root)
        try:
            return cls.open_at(path) if path.exists() else None
        except NotMadeYet:
            return None

    @classmethod
    def open_at(cls, path: Path) -> IndexReader:
        """The index in the file `path`."""
        return cls(path, open_index(path, readonly=True))

    def __enter__(self) -> IndexReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the reader cannot be used afterwards."""
        self._memo.clear()
        self._database.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """One state of the index for everything that is asked inside, whatever is written meanwhile."""
        return self._database.fixed()

    @property
    def version(self) -> int:
        """A number that changes when another process has changed the database."""
        return self._database.version()

    def cached(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`, made again when the index has changed. Not to be changed by who asks."""
        return self._database.one(key, make)

    def cached_many(
        self, keys: Iterable[K], read: Callable[[Sequence[K]], Mapping[K, V]], missing: Callable[[], V]
    ) -> list[V]:
        """The values of `keys` in order, those not known read in one call; otherwise as `cached`."""
        return self._database.many(keys, read, missing)

    def memo(self, make: Callable[[IndexReader], V]) -> V:
        """What `make` makes of the reader, once in the reader's life."""
        if make not in self._memo:
            self._memo[make] = make(self)
        value: V = self._memo[make]
        return value

    def fact(self, key: str) -> str | None:
        """One fact about the index as a whole; `repocomp.store.index.facts` names them."""
        return next((value for (value,) in self._database.rows("SELECT value FROM meta WHERE key = ?", (key,))), None)

    def stats(self) -> dict[str, int]:
        """Row counts by what is counted, lines of code, and the size of the database in bytes."""
        rows = self._database.rows
        counts = {name: int(next(rows(f"SELECT count(*) FROM {table}"))[0]) for name, table in _COUNTED.items()}
        lines = "SELECT coalesce(sum(lines), 0) FROM file JOIN content ON content.id = content_id"
        return {**counts, "lines": int(next(rows(lines))[0]), "bytes": self.path.stat().st_size}
