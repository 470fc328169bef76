"""Connections to SQLite and what every database here needs: transactions that are all or nothing, and a lock.

`sqlite3` is imported in this room alone; others name the type `Connection` from here.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection as Connection

BUSY_MS = 30_000
OLDEST_SQLITE = (3, 35)


def sqlite_version() -> tuple[str, bool]:
    """The version of SQLite in use, and whether it is recent enough."""
    return sqlite3.sqlite_version, sqlite3.sqlite_version_info >= OLDEST_SQLITE


def connect(path: Path, *, readonly: bool, busy_ms: int = BUSY_MS) -> Connection:
    """A connection in autocommit mode that waits `busy_ms` for locks. Raises the errors of sqlite3."""
    if not readonly:
        return sqlite3.connect(path, isolation_level=None, timeout=busy_ms / 1000)
    # A write-ahead log cannot be joined where nothing can be written; without one the file alone is the truth.
    log = path.with_name(path.name + "-wal")
    frozen = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    uri = f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if frozen else "")
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=busy_ms / 1000, check_same_thread=False)


def write_ahead(connection: Connection, *, wait_ms: int = BUSY_MS) -> None:
    """Keep a write-ahead log, so that readers and a writer never wait for each other. Raises the errors of sqlite3.

    SQLite does not wait for the lock that the change needs (of two that hold a read lock and wait for each other's
    neither would ever get it), so two processes that open a new database at once ask again here.
    """
    deadline = time.monotonic() + wait_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
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


@contextmanager
def lock(path: Path, *, wait_ms: int = 0) -> Iterator[bool]:
    """Whether this process got the lock in the file `path` within `wait_ms`; it is held inside the `with` block.

    SQLite's own lock: it ends with the process, however that ends, on every platform.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=wait_ms / 1000)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
        else:
            yield True
