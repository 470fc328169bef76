"""Writing files and contents: the tables `file` and `content`.

A content is live while a file holds it. One that no file holds any more stays for the day it comes back.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from repocomp.store.connect import Connection

_READ = "content_id IS NOT NULL"
_DEAD = "SELECT id FROM content WHERE live = 0"


@dataclass(frozen=True, slots=True)
class FileState:
    """What is remembered of a path: its content's digest, or why it is skipped; the stat it was read at.

    `stamp` is whatever else of the stat must be equal for a file to be the same.
    """

    path: str
    digest: str | None
    size: int
    mtime_ns: int
    skipped: str | None
    stamp: str


class KnownFile(NamedTuple):
    """What an index says of a path: the stat it was read at, when that was, and why it was skipped."""

    size: int
    mtime_ns: int
    seen_ns: int
    skipped: str | None
    stamp: str


@dataclass(frozen=True, slots=True)
class ContentRow:
    """A content to be added; `packed` is its text, compressed."""

    digest: str
    language: str
    line_count: int
    byte_count: int
    packed: bytes


def known_files(connection: Connection) -> dict[str, KnownFile]:
    """Every path that was read or skipped."""
    return _known(connection, "", ())


def known_files_below(connection: Connection, paths: Iterable[str]) -> dict[str, KnownFile]:
    """Those of `paths` that were read or skipped, and everything below them."""
    known: dict[str, KnownFile] = {}
    for path in paths:
        # All that begin with the folder's name and a slash, whose successor is "0".
        known |= _known(connection, " AND (path = ? OR (path >= ? AND path < ?))", (path, f"{path}/", f"{path}0"))
    return known


def _known(connection: Connection, where: str, values: Sequence[str]) -> dict[str, KnownFile]:
    # A row with neither content nor reason lost a race with another run: it is read again.
    select = f"SELECT path, size, mtime_ns, seen_ns, skipped, stamp FROM file WHERE ({_READ} OR skipped IS NOT NULL)"
    return {path: KnownFile(*rest) for path, *rest in connection.execute(select + where, values)}


def known_digests(connection: Connection) -> set[str]:
    """Digests of every content in the index, live or not."""
    return {digest for (digest,) in connection.execute("SELECT digest FROM content")}


def add_contents(connection: Connection, rows: Sequence[ContentRow]) -> int:
    """Add contents under numbers that follow each other; returns the first. No file holds them yet."""
    (first,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM content").fetchone()
    connection.executemany(
        "INSERT INTO content VALUES (?, ?, ?, ?, ?, 0, ?)",
        (
            (number, row.digest, row.language, row.line_count, row.byte_count, row.packed)
            for number, row in enumerate(rows, first)
        ),
    )
    return int(first)


def content_lines(connection: Connection, content_id: int) -> list[str]:
    """The lines of a content; none for one that is gone."""
    row = connection.execute("SELECT text FROM content WHERE id = ?", (content_id,)).fetchone()
    return zlib.decompress(row[0]).decode().split("\n") if row is not None else []


def content_ids(connection: Connection) -> list[int]:
    """The numbers of all contents, live or not."""
    return [number for (number,) in connection.execute("SELECT id FROM content")]


def point_files(connection: Connection, files: Sequence[FileState], seen_ns: int) -> None:
    """Have `files`, looked at no earlier than `seen_ns`, hold the contents of their digests."""
    paths = [file.path for file in files]
    before = _contents_of(connection, paths)
    connection.executemany(
        "INSERT OR REPLACE INTO file VALUES (?, (SELECT id FROM content WHERE digest = ?), ?, ?, ?, ?, ?)",
        ((f.path, f.digest, f.size, f.mtime_ns, seen_ns, f.skipped, f.stamp) for f in files),
    )
    _set_live(connection, before | _contents_of(connection, paths))


def forget_files(connection: Connection, paths: Sequence[str]) -> None:
    """Forget paths that are gone; their contents stay."""
    before = _contents_of(connection, paths)
    connection.executemany("DELETE FROM file WHERE path = ?", ((path,) for path in paths))
    _set_live(connection, before)


def count_contents(connection: Connection) -> tuple[int, int]:
    """How many contents are live, and how many there are."""
    live, total = connection.execute("SELECT coalesce(sum(live), 0), count(*) FROM content").fetchone()
    return int(live), int(total)


def dead_contents(connection: Connection) -> npt.NDArray[np.uint32]:
    """The numbers of the contents that no file holds."""
    return np.array([number for (number,) in connection.execute(_DEAD)], dtype=np.uint32)


def delete_dead_contents(connection: Connection) -> None:
    """Delete the contents that no file holds, with their chunks and symbols; segments must not name them any more."""
    for table in ("chunk", "symbol", "reference"):
        connection.execute(f"DELETE FROM {table} WHERE content_id IN ({_DEAD})")
    connection.execute("DELETE FROM content WHERE live = 0")


def _contents_of(connection: Connection, paths: Sequence[str]) -> set[int]:
    select = f"SELECT content_id FROM file WHERE path = ? AND {_READ}"
    return {number for path in paths for (number,) in connection.execute(select, (path,))}


def _set_live(connection: Connection, ids: set[int]) -> None:
    connection.executemany(
        "UPDATE content SET live = EXISTS (SELECT 1 FROM file WHERE content_id = content.id) WHERE id = ?",
        ((number,) for number in sorted(ids)),
    )
