"""Opening an index: a write-ahead log so that readers never wait, private files, a word for each thing that fails."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repocomp.errors import StoreError
from repocomp.store.index.schema import STEPS, migrate

_BUSY_MS = 30_000
REBUILD = "repocomp index --rebuild"


def open_index(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open the database at `path`, creating it (0600 in a 0700 folder) unless `readonly`.

    Raises StoreError when it is damaged, made by a newer version, locked, or cannot be written.
    """
    with explained(path):
        if not readonly:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
        connection = connect(path, readonly=readonly)
        try:
            _prepare(connection, path, readonly)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and the file system into StoreError with the command that mends them."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _operational(path, error) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: the index is damaged ({error})", REBUILD) from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}", "check the disk and the folder's permissions") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the write lock is taken at once, so two writers take turns."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk ends the transaction by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def connect(path: Path, *, readonly: bool, busy_ms: int = _BUSY_MS) -> sqlite3.Connection:
    """A connection in autocommit mode that waits `busy_ms` for locks. Raises the errors of sqlite3."""
    if not readonly:
        return sqlite3.connect(path, isolation_level=None, timeout=busy_ms / 1000)
    # A write-ahead log cannot be joined where nothing can be written; without one the file alone is the truth.
    log = path.with_name(path.name + "-wal")
    frozen = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    uri = f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if frozen else "")
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=busy_ms / 1000, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path, readonly: bool) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise StoreError(f"{path}: the index was made by a newer repocomp", "upgrade repocomp, or: " + REBUILD)
    if readonly and version < len(STEPS):
        raise StoreError(f"{path}: the index was made by an older repocomp", "repocomp index")
    connection.execute("PRAGMA foreign_keys = OFF")
    if readonly:
        connection.execute("PRAGMA query_only = ON")
        return
    connection.execute("PRAGMA journal_mode = WAL")
    # The index can always be rebuilt: losing the last commits to a power cut is cheaper than syncing each.
    connection.execute("PRAGMA synchronous = NORMAL")
    migrate(connection)


def _operational(path: Path, error: sqlite3.OperationalError) -> StoreError:
    said = str(error)
    if "locked" in said or "busy" in said:
        return StoreError(f"{path}: another process holds the index", "wait for it to finish, then try again")
    if "full" in said:
        return StoreError(f"{path}: the disk is full", "free some space, then: repocomp index")
    if "readonly" in said or "read-only" in said or "unable to open" in said:
        return StoreError(f"{path}: cannot be opened ({said})", "check the folder's permissions, or set XDG_CACHE_HOME")
    if "no such table" in said or "no such column" in said:
        return StoreError(f"{path}: the index is damaged ({said})", REBUILD)
    return StoreError(f"{path}: {said}", REBUILD)
