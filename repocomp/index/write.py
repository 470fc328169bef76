"""Everything that is ever written to an index, in transactions that each leave it whole.

A batch of contents comes with its chunks, symbols and one segment of postings a kind. Segments are merged when they
become many, and contents that no file holds any more are dropped when they outweigh the live ones, so a branch that
comes back costs nothing and a long life does not fill the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.index.read import Content
from repocomp.index.segments import add_segment, drop_contents, merge_small
from repocomp.store.connect import transaction
from repocomp.store.index.queries import PLACE
from repocomp.store.index.rows import ChunkKind

CUTS = (ChunkKind.WINDOW_20, ChunkKind.WINDOW_10, ChunkKind.SYNTAX)
"""What every content is cut into as it is read; the encoder comes later."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What is remembered of a path: its content's digest, or why it is skipped; the stat it was read at."""

    path: str
    digest: str | None
    size: int
    mtime_ns: int
    skipped: str | None


def known_digests(connection: sqlite3.Connection) -> set[str]:
    """Digests of every content in the index, live or not."""
    return {digest for (digest,) in connection.execute("SELECT digest FROM content")}


def write_batch(
    connection: sqlite3.Connection, contents: Iterable[Content], files: Sequence[FileState], seen_ns: int
) -> None:
    """Add `contents` that are not there yet, and point `files` at theirs. One transaction."""
    with transaction(connection):
        digests = known_digests(connection)
        fresh = list({c.digest: c for c in contents if c.digest not in digests}.values())
        if fresh:
            _add_contents(connection, fresh)
        _point(connection, files, seen_ns)


def remove_files(connection: sqlite3.Connection, paths: Sequence[str]) -> None:
    """Forget paths that are gone; their contents stay for the day they come back."""
    if paths:
        with transaction(connection):
            ids = _contents_of(connection, paths)
            connection.executemany("DELETE FROM file WHERE path = ?", ((path,) for path in paths))
            _set_live(connection, ids)


def tidy(connection: sqlite3.Connection) -> None:
    """Merge segments where there are many; drop dead contents where they outweigh the live ones."""
    live, total = connection.execute("SELECT coalesce(sum(live), 0), count(*) FROM content").fetchone()
    if total - live > live:
        with transaction(connection):
            _drop_dead(connection)
    for kind in ChunkKind:
        with transaction(connection):
            merge_small(connection, kind)


def remember(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set one fact about the index as a whole."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _add_contents(connection: sqlite3.Connection, contents: Sequence[Content]) -> None:
    (first,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM content").fetchone()
    rows = [
        (first + at, c.digest, c.language, c.line_count, c.byte_count, 0, c.packed) for at, c in enumerate(contents)
    ]
    connection.executemany("INSERT INTO content VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    _add_syntax(connection, contents, first)
    for kind in CUTS:
        add_segment(connection, kind, contents, first)


def _add_syntax(connection: sqlite3.Connection, contents: Sequence[Content], first: int) -> None:
    numbered = list(enumerate(contents, first))
    connection.executemany(
        "INSERT INTO symbol VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (number, d.name, d.qualified, d.kind, d.parent, d.signature, d.doc, d.start_line, d.end_line)
            for number, content in numbered
            for d in content.syntax.definitions
        ),
    )
    connection.executemany(
        "INSERT INTO reference VALUES (?, ?, ?)",
        (
            (name, number, np.array(lines, dtype=PLACE).tobytes())
            for number, content in numbered
            for name, lines in (content.syntax.references or {}).items()
        ),
    )


def _point(connection: sqlite3.Connection, files: Sequence[FileState], seen_ns: int) -> None:
    touched = _contents_of(connection, [file.path for file in files])
    connection.executemany(
        "INSERT OR REPLACE INTO file VALUES (?, (SELECT id FROM content WHERE digest = ?), ?, ?, ?, ?)",
        ((f.path, f.digest, f.size, f.mtime_ns, seen_ns, f.skipped) for f in files),
    )
    _set_live(connection, touched | _contents_of(connection, [file.path for file in files]))


def _contents_of(connection: sqlite3.Connection, paths: Sequence[str]) -> set[int]:
    select = "SELECT content_id FROM file WHERE path = ? AND content_id IS NOT NULL"
    return {number for path in paths for (number,) in connection.execute(select, (path,))}


def _set_live(connection: sqlite3.Connection, ids: set[int]) -> None:
    connection.executemany(
        "UPDATE content SET live = EXISTS (SELECT 1 FROM file WHERE content_id = content.id) WHERE id = ?",
        ((number,) for number in sorted(ids)),
    )


def _drop_dead(connection: sqlite3.Connection) -> None:
    dead = np.array([n for (n,) in connection.execute("SELECT id FROM content WHERE live = 0")], dtype=np.uint32)
    for kind in ChunkKind:
        drop_contents(connection, kind, dead)
    for table in ("chunk", "symbol", "reference"):
        connection.execute(f"DELETE FROM {table} WHERE content_id IN (SELECT id FROM content WHERE live = 0)")
    connection.execute("DELETE FROM content WHERE live = 0")
