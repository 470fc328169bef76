"""Making an index anew beside the one in use: readers see the old one or the new one, never half of one.

The new index is a file of its own until it is whole. SQLite then copies it over the old one in a single transaction,
so readers and writers that have the old one open go on without a fault. Where the old file is no database any more,
nobody can have it open, and the new one takes its place by rename.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from repocomp.errors import StoreError
from repocomp.store.connect import BUSY_MS, connect, lock
from repocomp.store.index.connect import explained


@contextmanager
def replacing_index(path: Path, *, wait_ms: int = BUSY_MS) -> Iterator[Path]:
    """A path to make an index at, which takes the place of the one at `path` when the `with` block ends well.

    One process at a time: others wait. Raises StoreError.
    """
    with explained(path), lock(path.with_name("rebuild.lock"), wait_ms=wait_ms) as is_held:
        if not is_held:
            raise StoreError(f"{path}: another process rebuilds the index", "wait for it to finish, then try again")
        fresh = path.with_name("rebuild.db")
        # A process that was killed leaves its half behind.
        remove_database(fresh)
        try:
            yield fresh
            _replace(path, fresh, wait_ms)
        finally:
            remove_database(fresh)


def copy_index(path: Path, target: Path) -> None:
    """Copy the index at `path`, which others may be writing, to a new file. Raises StoreError."""
    with (
        explained(path),
        closing(connect(path, readonly=True)) as source,
        closing(connect(target, readonly=False)) as fresh,
    ):
        source.backup(fresh, progress=_give_up_when_locked)
        # Else the copy needs files beside it, and a place where they can be written.
        fresh.execute("PRAGMA journal_mode = DELETE")


def remove_database(path: Path) -> None:
    """Remove the database at `path`, with the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _replace(path: Path, fresh: Path, wait_ms: int) -> None:
    path.touch(mode=0o600, exist_ok=True)
    try:
        with (
            closing(connect(fresh, readonly=False)) as source,
            closing(connect(path, readonly=False, busy_ms=wait_ms)) as target,
        ):
            source.backup(target, progress=_give_up_when_locked)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        remove_database(path)
        fresh.replace(path)


def _give_up_when_locked(status: int, remaining: int, total: int) -> None:
    """Called after each step, which waits for locks itself: Python would try for ever."""
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise sqlite3.OperationalError("database is locked")
