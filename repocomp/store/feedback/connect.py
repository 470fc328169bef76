"""Opening a repository's feedback: private, shared by many processes, and one line for each thing that fails.

Nothing that was acknowledged may be lost, so what users say is synced to the disk; what is deleted is overwritten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repocomp.errors import FeedbackError
from repocomp.store.connect import Connection, connect, write_ahead
from repocomp.store.feedback.schema import NAME, STEPS, make_current

_BUSY_MS = 30_000
_OFF = "or switch recording off: REPOCOMP_RECORD=off"


def open_feedback(path: Path, *, busy_ms: int = _BUSY_MS, synced: bool = True) -> Connection:
    """Open the database at `path` for writing, creating it (0600 in a 0700 folder).

    `synced` writes outlive a power cut. Raises FeedbackError when it is damaged, newer, locked, or cannot be written.
    """
    with explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        connection = connect(path, readonly=False, busy_ms=busy_ms)
        try:
            _prepare(connection, path, busy_ms)
            connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
        except BaseException:
            connection.close()
            raise
        return connection


def read_feedback(path: Path) -> Connection | None:
    """Open the database at `path` for reading; None when there is none yet. Raises FeedbackError."""
    if not path.exists():
        return None
    with explained(path):
        connection = connect(path, readonly=True)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == len(STEPS):
            return connection
        connection.close()
    open_feedback(path).close()
    return connect(path, readonly=True)


def _prepare(connection: Connection, path: Path, busy_ms: int) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise FeedbackError(f"{path}: the feedback was written by a newer repocomp", "upgrade repocomp")
    connection.execute("PRAGMA secure_delete = ON")
    if version < len(STEPS):
        write_ahead(connection, wait_ms=busy_ms)
        make_current(connection)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and the file system into FeedbackError with what fixes them."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _operational(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        hint = f"keep a copy of the file, then remove it, {_OFF}"
        raise FeedbackError(f"{path}: the feedback is damaged ({error})", hint) from error
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise FeedbackError(message, f"check the disk and the folder's permissions, {_OFF}") from error


def _operational(path: Path, problem: str) -> FeedbackError:
    if "locked" in problem or "busy" in problem:
        return FeedbackError(f"{path}: another process holds the feedback", "wait for it to finish, then try again")
    if "full" in problem:
        return FeedbackError(f"{path}: the disk is full", f"free some space, then try again, {_OFF}")
    if "readonly" in problem or "read-only" in problem or "unable to open" in problem:
        hint = f"check the folder's permissions, set XDG_DATA_HOME, {_OFF}"
        return FeedbackError(f"{path}: cannot be opened ({problem})", hint)
    return FeedbackError(f"{path}: the {NAME} cannot be used ({problem})", f"check the disk, {_OFF}")
