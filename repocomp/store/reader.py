"""Reading an index: the one view of it that retrieval and evaluation stand on.

Connections are read-only and never wait for a writer. What is asked again and again (segments, dead contents, paths)
is kept until the database changes, which SQLite's `data_version` tells for one microsecond.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.languages import language_of
from repocomp.store.connect import explained, open_index
from repocomp.store.paths import index_path
from repocomp.store.rows import Chunk, ChunkKind, FileRow, Import, Postings, Segment, Symbol, Vectors

_BATCH = 500
"""Values in one IN list; SQLite's own limit was 999 for long."""
_TEXTS = 64
_RECENT = 20
PLACE = np.dtype("<u4")
"""How chunk numbers, places and line numbers lie in a BLOB."""
COUNT = np.dtype("<u2")
"""How term counts lie in a BLOB."""
ENCODER = "encoder"
"""The fact that names the encoder of the vectors, by its digest."""


class IndexReader:
    """An open index. Not safe for use by two threads at once; errors of the database become StoreError."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._version = -1
        self._segments: dict[ChunkKind, list[Segment]] = {}
        self._dead: npt.NDArray[np.uint32] | None = None
        self._vectors: dict[int, Vectors] = {}
        self._recent: list[str] | None = None
        self._lines: OrderedDict[int, list[str]] = OrderedDict()
        self._paths: dict[int, list[str]] = {}

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
        self._connection.close()

    def files(self) -> list[FileRow]:
        """Every indexed path, sorted."""
        rows = self._rows("SELECT path, content_id FROM file WHERE content_id IS NOT NULL ORDER BY path")
        return [FileRow(path, content_id, language_of(path)) for path, content_id in rows]

    def paths_of(self, content_id: int) -> list[str]:
        """The paths that hold this content now, sorted; several for copies."""
        if content_id not in self._paths:
            rows = self._rows("SELECT path FROM file WHERE content_id = ? ORDER BY path", (content_id,))
            self._paths[content_id] = [path for (path,) in rows]
        return self._paths[content_id]

    def content_of(self, path: str) -> int | None:
        """The content that `path` held when it was indexed."""
        for (content_id,) in self._rows("SELECT content_id FROM file WHERE path = ?", (path,)):
            return int(content_id) if content_id is not None else None
        return None

    def held(self, paths: Sequence[str]) -> dict[str, int]:
        """The contents of those of `paths` that are indexed."""
        select = "SELECT path, content_id FROM file WHERE content_id IS NOT NULL AND path IN"
        return {path: int(content_id) for path, content_id in self._each(select, sorted(set(paths)))}

    def below(self, folder: str, limit: int) -> dict[str, int]:
        """The first `limit` paths below `folder` ("/" at its end, "" for all), with their contents."""
        # "0" is the character after "/".
        end = folder[:-1] + "0" if folder else "\U0010ffff"
        rows = self._rows(
            "SELECT path, content_id FROM file WHERE path >= ? AND path < ? AND content_id IS NOT NULL"
            " ORDER BY path LIMIT ?",
            (folder, end, limit),
        )
        return {path: int(content_id) for path, content_id in rows}

    def changed_with(self, path: str) -> dict[str, float]:
        """Files that commits changed together with `path`, and how often, shared out among the files of a commit."""
        return dict(self._rows("SELECT other, weight FROM together WHERE path = ? ORDER BY other", (path,)))

    def recent(self, limit: int) -> list[str]:
        """The paths changed last on disk, more than a minute later than the mean: not those of a fresh checkout."""
        select = (
            "SELECT path FROM file WHERE content_id IS NOT NULL"
            " AND mtime_ns > 60000000000 + (SELECT avg(mtime_ns) FROM file WHERE content_id IS NOT NULL)"
            " ORDER BY mtime_ns DESC, path LIMIT ?"
        )
        self._refresh()
        if self._recent is None:
            self._recent = [path for (path,) in self._rows(select, (_RECENT,))]
        return self._recent[:limit]

    def segments(self, kind: ChunkKind) -> list[Segment]:
        """All segments of one kind, oldest first."""
        self._refresh()
        if kind not in self._segments:
            rows = self._rows(
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
            rows = self._rows("SELECT id FROM content WHERE live = 0")
            self._dead = np.array([number for (number,) in rows], dtype=np.uint32)
        if not self._dead.size:
            return None
        mask = np.isin(segment.contents, self._dead)
        return mask if bool(mask.any()) else None

    def postings(self, kind: ChunkKind, terms: Sequence[str]) -> list[Postings]:
        """The posting lists of `terms` in every segment of `kind`; unknown terms have none."""
        select = "SELECT segment_id, term, places, counts FROM posting WHERE kind = ? AND term IN"
        return [
            Postings(
                segment,
                term,
                np.frombuffer(places, PLACE),
                None if counts is None else np.frombuffer(counts, COUNT),
            )
            for segment, term, places, counts in self._each(select, sorted(set(terms)), (int(kind),))
        ]

    def vectors(self) -> list[Vectors]:
        """The vectors of all segments that have some, oldest first; those read before are not read again."""
        blobs = "SELECT segment_id, scales, levels FROM vector WHERE segment_id = ?"
        stamps, known = self._rows("SELECT stamp, segment_id FROM vector ORDER BY segment_id"), self._vectors
        self._vectors = {stamp: known.get(stamp) or Vectors.of(*next(self._rows(blobs, (at,)))) for stamp, at in stamps}
        return list(self._vectors.values())

    def chunks(self, ids: Sequence[int]) -> list[Chunk]:
        """Chunks by number, in the order asked."""
        select = "SELECT id, content_id, kind, start_line, end_line, name FROM chunk WHERE id IN"
        found = {row[0]: _chunk(row) for row in self._each(select, list(ids))}
        return [found[number] for number in ids]

    def chunks_of(self, content_id: int, kind: ChunkKind) -> list[Chunk]:
        """The chunks of one content, first line first."""
        rows = self._rows(
            "SELECT id, content_id, kind, start_line, end_line, name FROM chunk WHERE content_id = ? AND kind = ?"
            " ORDER BY start_line, end_line",
            (content_id, int(kind)),
        )
        return [_chunk(row) for row in rows]

    def text(self, content_id: int) -> str:
        r"""The text of a content, secrets redacted, line ends `\n`. Empty for a content that is gone."""
        return "\n".join(self.lines(content_id))

    def lines(self, content_id: int) -> list[str]:
        """The lines of a content, without line ends; not to be changed."""
        if content_id in self._lines:
            self._lines.move_to_end(content_id)
            return self._lines[content_id]
        rows = self._rows("SELECT text FROM content WHERE id = ?", (content_id,))
        lines = next((zlib.decompress(packed).decode() for (packed,) in rows), "").split("\n")
        self._lines[content_id] = lines
        if len(self._lines) > _TEXTS:
            self._lines.popitem(last=False)
        return lines

    def definitions(self, names: Sequence[str]) -> list[Symbol]:
        """Definitions of any of `names` in live contents, in a fixed order."""
        select = (
            "SELECT symbol.* FROM symbol JOIN content ON content.id = content_id"
            " WHERE content.live = 1 AND symbol.name IN"
        )
        found = [Symbol(*row) for row in self._each(select, sorted(set(names)))]
        return sorted(found, key=lambda symbol: (symbol.content_id, symbol.start_line, symbol.qualified))

    def names_from(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` names, in order, that begin with `prefix` and are defined somewhere."""
        select = "SELECT DISTINCT name FROM symbol WHERE name >= ? AND name < ? ORDER BY name LIMIT ?"
        return [name for (name,) in self._rows(select, (prefix, prefix + "\U0010ffff", limit))]

    def symbols_of(self, content_id: int) -> list[Symbol]:
        """The definitions of one content, first line first."""
        rows = self._rows("SELECT * FROM symbol WHERE content_id = ? ORDER BY start_line, rowid", (content_id,))
        return [Symbol(*row) for row in rows]

    def imports_of(self, content_id: int) -> list[Import]:
        """The imports of one content, first line first."""
        rows = self._rows("SELECT * FROM import WHERE content_id = ? ORDER BY line, rowid", (content_id,))
        return [Import(*row) for row in rows]

    def references(self, names: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
        """Uses of `names` in live contents, as (content, line), in a fixed order."""
        select = (
            "SELECT reference.name, content_id, reference.lines FROM reference JOIN content ON content.id = content_id"
            " WHERE content.live = 1 AND reference.name IN"
        )
        found: dict[str, list[tuple[int, int]]] = {}
        for name, content_id, packed in sorted(self._each(select, sorted(set(names)))):
            found.setdefault(name, []).extend((content_id, int(n)) for n in np.frombuffer(packed, PLACE))
        return found

    def spread(self, names: Sequence[str]) -> dict[str, int]:
        """In how many contents each of `names` is used; those used nowhere are missing."""
        select = "SELECT name, count(*) FROM reference WHERE name IN"
        return dict(self._each(select, sorted(set(names)), tail="GROUP BY name"))

    def content_count(self) -> int:
        """How many contents are indexed."""
        return int(next(self._rows("SELECT count(*) FROM content"))[0])

    def file_states(self) -> dict[str, tuple[int, int]]:
        """Size in bytes and modification time in nanoseconds of every path, as last read; skipped ones too."""
        return {path: (size, mtime) for path, size, mtime in self._rows("SELECT path, size, mtime_ns FROM file")}

    def fact(self, key: str) -> str | None:
        """One fact about the index as a whole, such as when it was `finished` (seconds since 1970)."""
        return next((value for (value,) in self._rows("SELECT value FROM meta WHERE key = ?", (key,))), None)

    def stats(self) -> dict[str, int]:
        """Row counts, and the database's size in bytes."""
        count = {
            "files": "file WHERE content_id IS NOT NULL",
            "skipped": "file WHERE skipped IS NOT NULL",
            "contents": "content WHERE live = 1",
            "chunks": "chunk",
            "symbols": "symbol",
            "segments": "segment",
        }
        numbers = {name: next(self._rows(f"SELECT count(*) FROM {table}"))[0] for name, table in count.items()}
        lines = next(self._rows("SELECT coalesce(sum(lines), 0) FROM file JOIN content ON content.id = content_id"))[0]
        return {**numbers, "lines": lines, "bytes": self.path.stat().st_size}

    @property
    def version(self) -> int:
        """A number that changes when another process has changed the database."""
        self._refresh()
        return self._version

    def _refresh(self) -> None:
        version = int(next(self._rows("PRAGMA data_version"))[0])
        if version != self._version:
            self._version = version
            self._segments.clear()
            self._lines.clear()
            self._paths.clear()
            self._dead = None
            self._recent = None

    def _rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        with explained(self.path):
            yield from self._connection.execute(sql, tuple(values)).fetchall()

    def _each(
        self, select: str, values: Sequence[object], before: Sequence[object] = (), tail: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of `select` for all `values` of its last IN, a batch at a time."""
        for at in range(0, len(values), _BATCH):
            batch = values[at : at + _BATCH]
            yield from self._rows(f"{select} ({','.join('?' * len(batch))}) {tail}", (*before, *batch))


def _chunk(row: tuple[Any, ...]) -> Chunk:
    number, content_id, kind, start, end, name = row
    return Chunk(number, content_id, ChunkKind(kind), start, end, name)
