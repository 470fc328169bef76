"""Opening an index: a write-ahead log so that readers never wait, private files, one line for each thing that fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from repocomp.errors import StoreError
from repocomp.store.connect import Connection, connect, write_ahead
from repocomp.store.index.facts import ROOT, fact
from repocomp.store.index.schema import NAME, STEPS
from repocomp.store.migrate import migrate, schema_version

REBUILD = "repocomp index --rebuild"


class NotMadeYet(StoreError):
    """The file is there and empty: another process is about to make the index."""


def open_index(path: Path, *, readonly: bool = False) -> Connection:
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
def writing_index(path: Path) -> Iterator[Connection]:
    """A connection to write the index at `path`, closed at the end. Raises StoreError, also for what fails inside."""
    connection = open_index(path)
    try:
        with explained(path):
            yield connection
    finally:
        connection.close()


def root_of(path: Path) -> Path | None:
    """The work tree that the index at `path` was made of, whichever version made it; None where it does not say."""
    with suppress(sqlite3.Error, OSError), closing(connect(path, readonly=True, busy_ms=0)) as connection:
        root = fact(connection, ROOT)
        return None if root is None else Path(root)
    return None


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and the file system into StoreError with the command that fixes them."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _operational(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: the index is damaged ({error})", REBUILD) from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}", "check the disk and the folder's permissions") from error


def _prepare(connection: Connection, path: Path, readonly: bool) -> None:
    version = schema_version(connection)
    if version > len(STEPS):
        raise StoreError(f"{path}: the index was made by a newer repocomp", "upgrade repocomp, or: " + REBUILD)
    if readonly and version == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
        raise NotMadeYet(f"{path}: the index is being made", "wait a moment, or: repocomp index")
    if readonly and version < len(STEPS):
        raise StoreError(f"{path}: the index was made by an older repocomp", "repocomp index")
    connection.execute("PRAGMA foreign_keys = OFF")
    if readonly:
        connection.execute("PRAGMA query_only = ON")
        return
    write_ahead(connection)
    # The index can always be rebuilt: losing the last commits to a power cut is cheaper than syncing each.
    connection.execute("PRAGMA synchronous = NORMAL")
    migrate(connection, STEPS, NAME)


def _operational(path: Path, problem: str) -> StoreError:
    if "locked" in problem or "busy" in problem:
        return StoreError(f"{path}: another process holds the index", "wait for it to finish, then try again")
    if "full" in problem:
        return StoreError(f"{path}: the disk is full", "free some space, then: repocomp index")
    if "readonly" in problem or "read-only" in problem or "unable to open" in problem:
        hint = "check the folder's permissions, or set XDG_CACHE_HOME"
        return StoreError(f"{path}: cannot be opened ({problem})", hint)
    if "no such table" in problem or "no such column" in problem:
        return StoreError(f"{path}: the index is damaged ({problem})", REBUILD)
    return StoreError(f"{path}: {problem}", REBUILD)
