"""What can be asked of an index, by subject: its files, contents, chunks, symbols and segments.

Lists and arrays that a query gives are shared with the cache: not to be changed.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.store.index.cache import CachedConnection
from repocomp.store.index.contents import KnownFile
from repocomp.store.index.rows import PLACE, Chunk, ChunkKind, FileRow, Postings, Segment, Symbol, Vectors
from repocomp.store.index.segments import postings, segment

Key = tuple[str, str]
"""The name of a query, and what is asked for."""

_MOST_RECENT = 20
_LAST_CHARACTER = "\U0010ffff"
_IS_LIVE = "content_id NOT IN (SELECT id FROM content WHERE live = 0)"
"""Quicker than a join: hardly any contents are dead, and those have an index."""
_CHUNK = "SELECT id, content_id, kind, start_line, end_line, name FROM chunk"


class FileQueries:
    """The paths of the work tree ("/" separated, relative) that are indexed."""

    def __init__(self, database: CachedConnection) -> None:
        self._database = database

    def all(self) -> list[FileRow]:
        """Every indexed path, sorted."""
        select = "SELECT path, content_id, language FROM file JOIN content ON content.id = content_id ORDER BY path"
        return [FileRow(*row) for row in self._database.rows(select)]

    def paths_of(self, content_id: int) -> list[str]:
        """The paths that hold a content now, sorted; several for copies."""
        select = "SELECT path FROM file WHERE content_id = ? ORDER BY path"
        return self._database.one(
            ("paths", content_id), lambda: [path for (path,) in self._database.rows(select, (content_id,))]
        )

    def content_of(self, path: str) -> int | None:
        """The content that `path` held when it was indexed."""
        return self.contents_of([path]).get(path)

    def contents_of(self, paths: Sequence[str]) -> dict[str, int]:
        """The contents of those of `paths` that are indexed, by path in order."""
        ordered = sorted(set(paths))
        keys = [("content of", path) for path in ordered]
        contents = self._database.many(keys, self._read_contents, lambda: None)
        return {path: content for path, content in zip(ordered, contents, strict=True) if content is not None}

    def below(self, folder: str, limit: int) -> dict[str, int]:
        """The first `limit` paths below `folder` ("/" at its end, "" for all), with their contents."""
        # "0" is the character after "/".
        end = folder[:-1] + "0" if folder else _LAST_CHARACTER
        rows = self._database.rows(
            "SELECT path, content_id FROM file WHERE path >= ? AND path < ? AND content_id IS NOT NULL"
            " ORDER BY path LIMIT ?",
            (folder, end, limit),
        )
        return {path: int(content_id) for path, content_id in rows}

    def changed_with(self, path: str) -> dict[str, float]:
        """Indexed files that commits changed together with `path`, and how often, shared out among a commit's files."""
        select = (
            "SELECT other, weight FROM together JOIN file ON file.path = other"
            " WHERE together.path = ? AND content_id IS NOT NULL ORDER BY other"
        )
        return dict(self._database.rows(select, (path,)))

    def recent(self, limit: int) -> list[str]:
        """The paths changed last on disk, more than a minute later than the mean: not those of a fresh checkout."""
        select = (
            # In milliseconds the sum is a whole number, whatever the order of the rows.
            "SELECT path FROM file WHERE content_id IS NOT NULL AND mtime_ns / 1000000 >"
            " 60000 + (SELECT avg(mtime_ns / 1000000) FROM file WHERE content_id IS NOT NULL)"
            " ORDER BY mtime_ns DESC, path LIMIT ?"
        )
        return self._database.one("recent", lambda: [path for (path,) in self._database.rows(select, (_MOST_RECENT,))])[
            :limit
        ]

    def states(self) -> dict[str, KnownFile]:
        """What is known of every path, skipped ones too."""
        rows = self._database.rows("SELECT path, size, mtime_ns, seen_ns, skipped, stamp FROM file")
        return {path: KnownFile(*row) for path, *row in rows}

    def _read_contents(self, keys: Sequence[Key]) -> Mapping[Key, int | None]:
        select = "SELECT path, content_id FROM file WHERE content_id IS NOT NULL AND path IN"
        rows = self._database.rows_in(select, [path for _, path in keys])
        return {("content of", path): content_id for path, content_id in rows}


class ContentQueries:
    """The texts of files, secrets redacted."""

    def __init__(self, database: CachedConnection) -> None:
        self._database = database

    def lines(self, content_id: int) -> list[str]:
        """The lines of a content, without line ends; one empty line for a content that is gone."""
        return self._database.one(("lines", content_id), lambda: self._read_lines(content_id))

    def text(self, content_id: int) -> str:
        r"""The text of a content, line ends `\n`. Empty for a content that is gone."""
        return "\n".join(self.lines(content_id))

    def count(self) -> int:
        """How many contents files hold."""
        # Two counts over indexes, where one over rows would read every text.
        select = "SELECT (SELECT count(*) FROM content) - (SELECT count(*) FROM content WHERE live = 0)"
        return self._database.one("contents", lambda: int(next(self._database.rows(select))[0]))

    def _read_lines(self, content_id: int) -> list[str]:
        rows = self._database.rows("SELECT text FROM content WHERE id = ?", (content_id,))
        return next((zlib.decompress(packed).decode() for (packed,) in rows), "").split("\n")


class ChunkQueries:
    """The stretches that contents are cut into."""

    def __init__(self, database: CachedConnection) -> None:
        self._database = database

    def by_id(self, ids: Sequence[int]) -> list[Chunk]:
        """Chunks by number, in the order of `ids`. Raises KeyError for one that there is not."""
        return self._database.many([("chunk", number) for number in ids], self._read, _no_chunk)

    def of(self, content_id: int, kind: ChunkKind) -> list[Chunk]:
        """The chunks of one content, first line first."""
        select = f"{_CHUNK} WHERE content_id = ? AND kind = ? ORDER BY start_line, end_line"
        return self._database.one(
            ("chunks of", content_id, kind),
            lambda: [_chunk(row) for row in self._database.rows(select, (content_id, int(kind)))],
        )

    def _read(self, keys: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Chunk]:
        rows = self._database.rows_in(f"{_CHUNK} WHERE id IN", [number for _, number in keys])
        return {("chunk", row[0]): _chunk(row) for row in rows}


class SymbolQueries:
    """What contents define, and which names they use."""

    def __init__(self, database: CachedConnection) -> None:
        self._database = database

    def of(self, content_id: int) -> list[Symbol]:
        """The definitions of one content, first line first."""
        select = "SELECT * FROM symbol WHERE content_id = ? ORDER BY start_line, rowid"
        return self._database.one(
            ("symbols of", content_id), lambda: [Symbol(*row) for row in self._database.rows(select, (content_id,))]
        )

    def definitions(self, names: Sequence[str]) -> list[Symbol]:
        """Definitions of any of `names` in live contents, by name, digest of the content and line."""
        keys = [("definitions", name) for name in sorted(set(names))]
        lists = self._database.many(keys, self._read_definitions, list[Symbol])
        return [symbol for symbols in lists for symbol in symbols]

    def names_from(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` names, in order, that begin with `prefix` and are defined somewhere."""
        select = f"SELECT DISTINCT name FROM symbol WHERE name >= ? AND name < ? AND {_IS_LIVE} ORDER BY name LIMIT ?"
        return [name for (name,) in self._database.rows(select, (prefix, prefix + _LAST_CHARACTER, limit))]

    def references(self, names: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
        """Uses of `names` in live contents, as (content, line), in a fixed order."""
        ordered = sorted(set(names))
        keys = [("references", name) for name in ordered]
        lists = self._database.many(keys, self._read_references, list[tuple[int, int]])
        return {name: uses for name, uses in zip(ordered, lists, strict=True) if uses}

    def document_frequency(self, names: Sequence[str]) -> dict[str, int]:
        """In how many live contents each of `names` is used; those used nowhere are missing."""
        ordered = sorted(set(names))
        keys = [("document frequency", name) for name in ordered]
        counts = self._database.many(keys, self._read_frequency, lambda: 0)
        return {name: count for name, count in zip(ordered, counts, strict=True) if count}

    def _read_definitions(self, keys: Sequence[Key]) -> Mapping[Key, list[Symbol]]:
        select = (
            "SELECT symbol.*, content.digest FROM symbol JOIN content ON content.id = content_id"
            " WHERE content.live = 1 AND symbol.name IN"
        )
        by_key: dict[Key, list[Symbol]] = {}
        rows = [(digest, Symbol(*row)) for *row, digest in self._database.rows_in(select, [name for _, name in keys])]
        for _, symbol in sorted(rows, key=lambda row: (row[0], row[1].start_line, row[1].qualified)):
            by_key.setdefault(("definitions", symbol.name), []).append(symbol)
        return by_key

    def _read_references(self, keys: Sequence[Key]) -> Mapping[Key, list[tuple[int, int]]]:
        select = (
            "SELECT reference.name, content_id, reference.lines FROM reference JOIN content ON content.id = content_id"
            " WHERE content.live = 1 AND reference.name IN"
        )
        by_key: dict[Key, list[tuple[int, int]]] = {}
        for name, content_id, packed in sorted(self._database.rows_in(select, [name for _, name in keys])):
            uses = ((content_id, line) for line in np.frombuffer(packed, PLACE).tolist())
            by_key.setdefault(("references", name), []).extend(uses)
        return by_key

    def _read_frequency(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        select = f"SELECT name, count(*) FROM reference WHERE {_IS_LIVE} AND name IN"
        rows = self._database.rows_in(select, [name for _, name in keys], tail="GROUP BY name")
        return {("document frequency", name): count for name, count in rows}


class SegmentQueries:
    """Segments of chunks, with their posting lists and vectors."""

    def __init__(self, database: CachedConnection) -> None:
        self._database = database
        self._vectors: dict[int, Vectors] = {}

    def all(self, kind: ChunkKind) -> list[Segment]:
        """All segments of one kind, oldest first."""
        select = "SELECT id, chunks, lengths, contents FROM segment WHERE kind = ? ORDER BY id"
        return self._database.one(
            ("segments", kind), lambda: [segment(kind, row) for row in self._database.rows(select, (int(kind),))]
        )

    def dead(self, segment: Segment) -> npt.NDArray[np.bool_] | None:
        """True where a chunk's content is in no file any more, [size]; None when all are live."""
        return self._database.one(("dead", segment.id), lambda: self._read_dead(segment))

    def postings(self, kind: ChunkKind, terms: Sequence[str]) -> list[Postings]:
        """The posting lists of `terms` in every segment of `kind`, by term; unknown terms have none."""
        keys = [("postings", int(kind), term) for term in sorted(set(terms))]
        lists = self._database.many(keys, self._read_postings, list[Postings])
        return [one for some in lists for one in some]

    def all_postings(self, kind: ChunkKind) -> list[Postings]:
        """Every posting list of a kind, by term and segment; not kept."""
        select = "SELECT segment_id, term, places, counts FROM posting WHERE kind = ?"
        return [postings(row) for row in self._database.rows(select, (int(kind),))]

    def vectors(self) -> list[Vectors]:
        """The vectors of all segments that have some, oldest first; the same objects as long as they are the same."""
        known, self._vectors = self._vectors, {}
        for stamp, number in self._database.rows("SELECT stamp, segment_id FROM vector ORDER BY segment_id"):
            select = "SELECT segment_id, scales, levels FROM vector WHERE segment_id = ?"
            self._vectors[stamp] = known.get(stamp) or Vectors.of(*next(self._database.rows(select, (number,))))
        return list(self._vectors.values())

    def _read_dead(self, segment: Segment) -> npt.NDArray[np.bool_] | None:
        dead = self._database.one("dead contents", self._read_dead_contents)
        mask = np.isin(segment.contents, dead) if dead.size else np.zeros(0, dtype=np.bool_)
        return mask if bool(mask.any()) else None

    def _read_dead_contents(self) -> npt.NDArray[np.uint32]:
        rows = self._database.rows("SELECT id FROM content WHERE live = 0")
        return np.array([number for (number,) in rows], dtype=np.uint32)

    def _read_postings(self, keys: Sequence[tuple[str, int, str]]) -> Mapping[tuple[str, int, str], list[Postings]]:
        """Posting lists by kind and term, all of one kind."""
        select = "SELECT segment_id, term, places, counts FROM posting WHERE kind = ? AND term IN"
        kind = keys[0][1]
        by_key: dict[tuple[str, int, str], list[Postings]] = {}
        for row in self._database.rows_in(select, [term for _, _, term in keys], (kind,)):
            by_key.setdefault(("postings", kind, row[1]), []).append(postings(row))
        return by_key


def _chunk(row: tuple[Any, ...]) -> Chunk:
    number, content_id, kind, start, end, name = row
    return Chunk(ChunkKind(kind), start, end, name, content_id, number)


def _no_chunk() -> Chunk:
    raise KeyError("there is no such chunk")
