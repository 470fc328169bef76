"""The statements behind a reader: keys in, records out, a batch of keys at a time; nothing is kept here."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.store.index.connect import explained
from repocomp.store.index.rows import COUNT, PLACE, Chunk, ChunkKind, Postings, Symbol, Vectors

_BATCH = 500
"""Values in one IN list; SQLite's own limit was 999 for long."""


class Lookup:
    """An index as tables. Errors of the database become StoreError."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def paths(self, content_id: int) -> list[str]:
        """The paths that hold a content, sorted."""
        rows = self.rows("SELECT path FROM file WHERE content_id = ? ORDER BY path", (content_id,))
        return [path for (path,) in rows]

    def held(self, paths: Sequence[str]) -> Mapping[str, int]:
        """The contents of indexed paths."""
        return dict(self.each("SELECT path, content_id FROM file WHERE content_id IS NOT NULL AND path IN", paths))

    def symbols(self, content_id: int) -> list[Symbol]:
        """The definitions of one content, first line first."""
        rows = self.rows("SELECT * FROM symbol WHERE content_id = ? ORDER BY start_line, rowid", (content_id,))
        return [Symbol(*row) for row in rows]

    def spread(self, names: Sequence[str]) -> Mapping[str, int]:
        """In how many contents each name is used."""
        return dict(self.each("SELECT name, count(*) FROM reference WHERE name IN", names, tail="GROUP BY name"))

    def chunks(self, ids: Sequence[int]) -> Mapping[int, Chunk]:
        """Chunks by number."""
        select = "SELECT id, content_id, kind, start_line, end_line, name FROM chunk WHERE id IN"
        return {row[0]: _chunk(row) for row in self.each(select, ids)}

    def chunks_of(self, content_id: int, kind: ChunkKind) -> list[Chunk]:
        """The chunks of one content, first line first."""
        select = (
            "SELECT id, content_id, kind, start_line, end_line, name FROM chunk WHERE content_id = ? AND kind = ?"
            " ORDER BY start_line, end_line"
        )
        return [_chunk(row) for row in self.rows(select, (content_id, int(kind)))]

    def postings(self, keys: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], list[Postings]]:
        """Posting lists by kind and term, all of one kind."""
        select = "SELECT segment_id, term, places, counts FROM posting WHERE kind = ? AND term IN"
        found: dict[tuple[int, str], list[Postings]] = {}
        for segment, term, packed, weights in self.each(select, [term for _, term in keys], keys[0][:1]):
            counts = None if weights is None else np.frombuffer(weights, COUNT)
            key = (keys[0][0], term)
            found.setdefault(key, []).append(Postings(segment, term, np.frombuffer(packed, PLACE), counts))
        return found

    def vectors(self, known: Mapping[int, Vectors]) -> dict[int, Vectors]:
        """The vectors of all segments by their stamps, oldest first; those that are `known` are not read."""
        found = {}
        for stamp, number in self.rows("SELECT stamp, segment_id FROM vector ORDER BY segment_id"):
            select = "SELECT segment_id, scales, levels FROM vector WHERE segment_id = ?"
            found[stamp] = known.get(stamp) or Vectors.of(*next(self.rows(select, (number,))))
        return found

    def lines(self, content_id: int) -> list[str]:
        """The lines of a content; one empty line for a content that is gone."""
        rows = self.rows("SELECT text FROM content WHERE id = ?", (content_id,))
        return next((zlib.decompress(packed).decode() for (packed,) in rows), "").split("\n")

    def definitions(self, names: Sequence[str]) -> Mapping[str, list[Symbol]]:
        """Definitions in live contents by name."""
        select = (
            "SELECT symbol.* FROM symbol JOIN content ON content.id = content_id"
            " WHERE content.live = 1 AND symbol.name IN"
        )
        found: dict[str, list[Symbol]] = {}
        for row in self.each(select, names):
            found.setdefault(row[1], []).append(Symbol(*row))
        return found

    def references(self, names: Sequence[str]) -> Mapping[str, list[tuple[int, int]]]:
        """Uses in live contents by name, as (content, line) in order."""
        select = (
            "SELECT reference.name, content_id, reference.lines FROM reference JOIN content ON content.id = content_id"
            " WHERE content.live = 1 AND reference.name IN"
        )
        found: dict[str, list[tuple[int, int]]] = {}
        for name, content_id, packed in sorted(self.each(select, names)):
            found.setdefault(name, []).extend((content_id, n) for n in np.frombuffer(packed, PLACE).tolist())
        return found

    def stats(self) -> dict[str, int]:
        """Row counts by what is counted."""
        count = {
            "files": "file WHERE content_id IS NOT NULL",
            "skipped": "file WHERE skipped IS NOT NULL",
            "contents": "content WHERE live = 1",
            "chunks": "chunk",
            "symbols": "symbol",
            "segments": "segment",
        }
        numbers = {name: next(self.rows(f"SELECT count(*) FROM {table}"))[0] for name, table in count.items()}
        lines = next(self.rows("SELECT coalesce(sum(lines), 0) FROM file JOIN content ON content.id = content_id"))[0]
        return {**numbers, "lines": lines}

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """All rows of a statement."""
        with explained(self.path):
            return iter(self._connection.execute(sql, tuple(values)).fetchall())

    def each(
        self, select: str, values: Sequence[object], before: Sequence[object] = (), tail: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of `select` for all `values` of its last IN, a batch at a time."""
        for at in range(0, len(values), _BATCH):
            batch = values[at : at + _BATCH]
            yield from self.rows(f"{select} ({','.join('?' * len(batch))}) {tail}", (*before, *batch))


def _chunk(row: tuple[Any, ...]) -> Chunk:
    number, content_id, kind, start, end, name = row
    return Chunk(number, content_id, ChunkKind(kind), start, end, name)
