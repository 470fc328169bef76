"""Reading an index: the one view of it that retrieval and evaluation stand on.

Connections are read-only and never wait for a writer. What is asked again and again (segments, posting lists, lines) is
kept, within bounds, until the database changes, which SQLite's `data_version` tells for one microsecond.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from repocomp.languages.table import language_of
from repocomp.store.index.cache import Kept, Made
from repocomp.store.index.connect import open_index
from repocomp.store.index.queries import Lookup
from repocomp.store.index.rows import PLACE, Chunk, ChunkKind, FileRow, Postings, Segment, Symbol, Vectors
from repocomp.store.index.segments import postings
from repocomp.store.paths import index_path

V = TypeVar("V")

_RECENT = 20
_LINES, _PLACES, _NAMES = 100_000, 2_000_000, 50_000
"""Bounds of what is kept: lines of texts, places in posting lists, rows of each other kind; about 30 MB in all."""


class IndexReader:
    """An open index. Not safe for use by two threads at once; errors of the database become StoreError."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._lookup = Lookup(path, connection)
        self._version = -1
        self._is_snapshot = False
        self._segments: dict[ChunkKind, list[Segment]] = {}
        self._masks: dict[int, npt.NDArray[np.bool_] | None] = {}
        self._dead: npt.NDArray[np.uint32] | None = None
        self._vectors: dict[int, Vectors] = {}
        self._recent: list[str] | None = None
        self._count: int | None = None
        self._lines: Kept[int, list[str]] = Kept(_LINES, len)
        self._paths: Kept[int, list[str]] = Kept(_NAMES)
        self._held: Kept[str, int | None] = Kept(_NAMES)
        self._spread: Kept[str, int] = Kept(_NAMES)
        self._chunks: Kept[int, Chunk] = Kept(_NAMES)
        self._cut: Kept[tuple[int, ChunkKind], list[Chunk]] = Kept(_NAMES, _rows_of)
        self._postings: Kept[tuple[int, str], list[Postings]] = Kept(_PLACES, _places)
        self._references: Kept[str, list[tuple[int, int]]] = Kept(_NAMES, _rows_of)
        self._definitions: Kept[str, list[Symbol]] = Kept(_NAMES, _rows_of)
        self._symbols: Kept[int, list[Symbol]] = Kept(_NAMES, _rows_of)
        self._owned: Made[IndexReader] = Made()
        self._derived: Made[IndexReader] = Made()

    @classmethod
    def open(cls, root: Path) -> IndexReader | None:
        """The index of the work tree at `root`, or None when it has none yet."""
        path = index_path(root)
        return cls.open_at(path) if path.exists() else None

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
        self._lookup.close()

    def files(self) -> list[FileRow]:
        """Every indexed path, sorted."""
        rows = self._lookup.rows("SELECT path, content_id FROM file WHERE content_id IS NOT NULL ORDER BY path")
        return [FileRow(path, content_id, language_of(path)) for path, content_id in rows]

    def paths_of(self, content_id: int) -> list[str]:
        """The paths that hold this content now, sorted; several for copies."""
        self._refresh()
        return self._paths.get(content_id, lambda: self._lookup.paths(content_id))

    def content_of(self, path: str) -> int | None:
        """The content that `path` held when it was indexed."""
        for (content_id,) in self._lookup.rows("SELECT content_id FROM file WHERE path = ?", (path,)):
            return int(content_id) if content_id is not None else None
        return None

    def held(self, paths: Sequence[str]) -> dict[str, int]:
        """The contents of those of `paths` that are indexed, by path in order."""
        self._refresh()
        asked = sorted(set(paths))
        found = self._held.each(asked, self._lookup.held, lambda: None)
        return {path: content_id for path, content_id in zip(asked, found, strict=True) if content_id is not None}

    def below(self, folder: str, limit: int) -> dict[str, int]:
        """The first `limit` paths below `folder` ("/" at its end, "" for all), with their contents."""
        # "0" is the character after "/".
        end = folder[:-1] + "0" if folder else "\U0010ffff"
        rows = self._lookup.rows(
            "SELECT path, content_id FROM file WHERE path >= ? AND path < ? AND content_id IS NOT NULL"
            " ORDER BY path LIMIT ?",
            (folder, end, limit),
        )
        return {path: int(content_id) for path, content_id in rows}

    def changed_with(self, path: str) -> dict[str, float]:
        """Files that commits changed together with `path`, and how often, shared out among the files of a commit."""
        return dict(self._lookup.rows("SELECT other, weight FROM together WHERE path = ? ORDER BY other", (path,)))

    def recent(self, limit: int) -> list[str]:
        """The paths changed last on disk, more than a minute later than the mean: not those of a fresh checkout."""
        select = (
            "SELECT path FROM file WHERE content_id IS NOT NULL"
            " AND mtime_ns > 60000000000 + (SELECT avg(mtime_ns) FROM file WHERE content_id IS NOT NULL)"
            " ORDER BY mtime_ns DESC, path LIMIT ?"
        )
        self._refresh()
        if self._recent is None:
            self._recent = [path for (path,) in self._lookup.rows(select, (_RECENT,))]
        return self._recent[:limit]

    def segments(self, kind: ChunkKind) -> list[Segment]:
        """All segments of one kind, oldest first."""
        self._refresh()
        if kind not in self._segments:
            rows = self._lookup.rows(
                "SELECT id, chunks, lengths, contents FROM segment WHERE kind = ? ORDER BY id", (int(kind),)
            )
            self._segments[kind] = [
                Segment(number, kind, *(np.frombuffer(blob, PLACE) for blob in blobs)) for number, *blobs in rows
            ]
        return self._segments[kind]

    def dead(self, segment: Segment) -> npt.NDArray[np.bool_] | None:
        """True where a chunk's content is in no file any more, [size]; None when all are live."""
        self._refresh()
        if self._dead is None:
            rows = self._lookup.rows("SELECT id FROM content WHERE live = 0")
            self._dead = np.array([number for (number,) in rows], dtype=np.uint32)
        if segment.id not in self._masks:
            mask = np.isin(segment.contents, self._dead) if self._dead.size else np.zeros(0, dtype=np.bool_)
            self._masks[segment.id] = mask if bool(mask.any()) else None
        return self._masks[segment.id]

    def postings(self, kind: ChunkKind, terms: Sequence[str]) -> list[Postings]:
        """The posting lists of `terms` in every segment of `kind`, by term; unknown terms have none."""
        self._refresh()
        keys = [(int(kind), term) for term in sorted(set(terms))]
        return [one for lists in self._postings.each(keys, self._lookup.postings, list) for one in lists]

    def all_postings(self, kind: ChunkKind) -> list[Postings]:
        """Every posting list of a kind, by term and segment; read each time."""
        select = "SELECT segment_id, term, places, counts FROM posting WHERE kind = ?"
        return [postings(row) for row in self._lookup.rows(select, (int(kind),))]

    def vectors(self) -> list[Vectors]:
        """The vectors of all segments that have some, oldest first; those read before are not read again."""
        self._vectors = self._lookup.vectors(self._vectors)
        return list(self._vectors.values())

    def chunks(self, ids: Sequence[int]) -> list[Chunk]:
        """Chunks by number, in the order asked. Raises KeyError for one that there is not."""
        self._refresh()
        return self._chunks.each(ids, self._lookup.chunks, _no_chunk)

    def chunks_of(self, content_id: int, kind: ChunkKind) -> list[Chunk]:
        """The chunks of one content, first line first; not to be changed."""
        self._refresh()
        return self._cut.get((content_id, kind), lambda: self._lookup.chunks_of(content_id, kind))

    def text(self, content_id: int) -> str:
        r"""The text of a content, secrets redacted, line ends `\n`. Empty for a content that is gone."""
        return "\n".join(self.lines(content_id))

    def lines(self, content_id: int) -> list[str]:
        """The lines of a content, without line ends; not to be changed."""
        self._refresh()
        return self._lines.get(content_id, lambda: self._lookup.lines(content_id))

    def definitions(self, names: Sequence[str]) -> list[Symbol]:
        """Definitions of any of `names` in live contents, in a fixed order."""
        self._refresh()
        found = self._definitions.each(sorted(set(names)), self._lookup.definitions, list)
        every = (symbol for symbols in found for symbol in symbols)
        return sorted(every, key=lambda symbol: (symbol.content_id, symbol.start_line, symbol.qualified))

    def names_from(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` names, in order, that begin with `prefix` and are defined somewhere."""
        select = "SELECT DISTINCT name FROM symbol WHERE name >= ? AND name < ? ORDER BY name LIMIT ?"
        return [name for (name,) in self._lookup.rows(select, (prefix, prefix + "\U0010ffff", limit))]

    def symbols_of(self, content_id: int) -> list[Symbol]:
        """The definitions of one content, first line first; not to be changed."""
        self._refresh()
        return self._symbols.get(content_id, lambda: self._lookup.symbols(content_id))

    def references(self, names: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
        """Uses of `names` in live contents, as (content, line), in a fixed order."""
        self._refresh()
        asked = sorted(set(names))
        found = self._references.each(asked, self._lookup.references, list)
        return {name: places for name, places in zip(asked, found, strict=True) if places}

    def spread(self, names: Sequence[str]) -> dict[str, int]:
        """In how many contents each of `names` is used; those used nowhere are missing."""
        self._refresh()
        asked = sorted(set(names))
        found = self._spread.each(asked, self._lookup.spread, lambda: 0)
        return {name: files for name, files in zip(asked, found, strict=True) if files}

    def content_count(self) -> int:
        """How many contents are indexed."""
        self._refresh()
        if self._count is None:
            self._count = int(next(self._lookup.rows("SELECT count(*) FROM content"))[0])
        return self._count

    def file_states(self) -> dict[str, tuple[int, int]]:
        """Size in bytes and modification time in nanoseconds of every path, as last read; skipped ones too."""
        return {path: (size, mtime) for path, size, mtime in self._lookup.rows("SELECT path, size, mtime_ns FROM file")}

    def fact(self, key: str) -> str | None:
        """One fact about the index as a whole, such as when it was `finished` (seconds since 1970)."""
        return next((value for (value,) in self._lookup.rows("SELECT value FROM meta WHERE key = ?", (key,))), None)

    def stats(self) -> dict[str, int]:
        """Row counts, and the database's size in bytes."""
        return {**self._lookup.stats(), "bytes": self.path.stat().st_size}

    def owned(self, make: Callable[[IndexReader], V]) -> V:
        """What `make` makes, once in the life of the reader."""
        return self._owned.get(make, self)

    def derived(self, make: Callable[[IndexReader], V]) -> V:
        """What `make` makes of the index, once for each of its versions: caches of what follows from it."""
        self._refresh()
        return self._derived.get(make, self)

    @property
    def version(self) -> int:
        """A number that changes when another process has changed the database."""
        self._refresh()
        return self._version

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One state of the index for everything that is asked inside, whatever is written meanwhile."""
        if self._is_snapshot:
            yield
            return
        self._lookup.rows("BEGIN")
        try:
            self._refresh()
            self._is_snapshot = True
            yield
        finally:
            self._is_snapshot = False
            self._lookup.rows("COMMIT")

    def _refresh(self) -> None:
        if self._is_snapshot:
            return
        version = int(next(self._lookup.rows("PRAGMA data_version"))[0])
        if version != self._version:
            self._version = version
            self._segments.clear()
            self._masks.clear()
            self._derived.clear()
            for kept in (self._lines, self._paths, self._held, self._spread, self._chunks):
                kept.clear()
            for rows in (self._postings, self._cut, self._references, self._definitions, self._symbols):
                rows.clear()
            self._dead = None
            self._recent = None
            self._count = None


def _places(lists: list[Postings]) -> int:
    return 1 + sum(len(postings.places) for postings in lists)


def _rows_of(rows: Sequence[object]) -> int:
    return 1 + len(rows)


def _no_chunk() -> Chunk:
    raise KeyError("there is no such chunk")
