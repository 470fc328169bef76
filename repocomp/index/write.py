"""What is written to an index and when, in transactions that each leave it whole.

A batch of contents comes with its chunks, symbols and one segment of postings per kind of chunk. Segments are merged
when they become many, and contents that no file holds any more are dropped when they outweigh the live ones, so a
branch that comes back costs nothing and a long life does not fill the disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from repocomp.index.read import Content
from repocomp.index.segments import add_segment, drop_contents, merge_small
from repocomp.store.connect import Connection, transaction
from repocomp.store.index.contents import (
    ContentRow,
    FileState,
    add_contents,
    count_contents,
    dead_contents,
    delete_dead_contents,
    forget_files,
    known_digests,
    point_files,
)
from repocomp.store.index.rows import ChunkKind, Symbol
from repocomp.store.index.symbols import add_references, add_symbols

CUTS = (ChunkKind.WINDOW_20, ChunkKind.WINDOW_10, ChunkKind.SYNTAX)
"""What every content is cut into as it is read; the encoder comes later."""


def write_batch(connection: Connection, contents: Iterable[Content], files: Sequence[FileState], seen_ns: int) -> None:
    """Add `contents` that are not there yet, and point `files` at theirs. One transaction."""
    with transaction(connection):
        digests = known_digests(connection)
        fresh = list({c.digest: c for c in contents if c.digest not in digests}.values())
        if fresh:
            _add(connection, fresh)
        point_files(connection, files, seen_ns)


def remove_files(connection: Connection, paths: Sequence[str]) -> None:
    """Forget paths that are gone; their contents stay for the day they come back."""
    if paths:
        with transaction(connection):
            forget_files(connection, paths)


def tidy(connection: Connection) -> None:
    """Merge segments where there are many; drop dead contents where they outweigh the live ones."""
    live, total = count_contents(connection)
    if total - live > live:
        with transaction(connection):
            dead = dead_contents(connection)
            for kind in ChunkKind:
                drop_contents(connection, kind, dead)
            delete_dead_contents(connection)
    for kind in ChunkKind:
        with transaction(connection):
            merge_small(connection, kind)


def _add(connection: Connection, contents: Sequence[Content]) -> None:
    rows = [ContentRow(c.digest, c.language, c.line_count, c.byte_count, c.packed) for c in contents]
    first = add_contents(connection, rows)
    numbered = list(enumerate(contents, first))
    add_symbols(
        connection,
        (
            Symbol(number, d.name, d.qualified, d.kind, d.parent, d.signature, d.doc, d.start_line, d.end_line)
            for number, content in numbered
            for d in content.syntax.definitions
        ),
    )
    add_references(
        connection,
        (
            (name, number, lines)
            for number, content in numbered
            for name, lines in (content.syntax.references or {}).items()
        ),
    )
    for kind in CUTS:
        add_segment(connection, kind, contents, first)
