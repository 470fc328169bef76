"""Forgetting: rows are deleted, their pages overwritten, and the write-ahead log emptied.

`PRAGMA secure_delete` overwrites deleted content with zeros, `VACUUM` rebuilds the file without free pages, and a
truncating checkpoint leaves no older copy of a page in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from repocomp.errors import FeedbackError
from repocomp.store.connect import Connection, transaction
from repocomp.store.feedback.rows import fact, remember

_DAY_MS = 86_400_000
_LONG_GAP_MS = 30 * _DAY_MS


def prune(connection: Connection, now_ms: int, retention_days: int) -> None:
    """Once a day, delete what is older than `retention_days` (0: nothing is).

    After a long gap only the date is noted: a clock that jumped ahead for an hour must not cost a history.
    """
    gap_ms = now_ms - int(fact(connection, "pruned_ms") or 0)
    if not retention_days or 0 <= gap_ms < _DAY_MS:
        return
    if gap_ms > _LONG_GAP_MS:
        remember(connection, "pruned_ms", str(now_ms).encode())
        return
    with transaction(connection):
        before = now_ms - retention_days * _DAY_MS
        old = [row[0] for row in connection.execute("SELECT id FROM impression WHERE last_ms < ?", (before,))]
        _delete(connection, old)
        remember(connection, "pruned_ms", str(now_ms).encode())


def forget(connection: Connection, ids: Sequence[str], *, everything: bool = False) -> None:
    """Delete these impressions and all that was said and measured of them, so that no file holds them any more.

    `everything` also deletes what is known of commits, and what was learned.

    Raises FeedbackError when another process still reads an older state; the rows are gone then, and trying again
    empties the log.
    """
    with transaction(connection):
        _delete(connection, ids)
        digests = ((_digest(impression_id),) for impression_id in ids)
        connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?)", digests)
        for table in ("committed", "rewrite", "git_event", "replay", "learned") if everything else ():
            connection.execute(f"DELETE FROM {table}")
    # What VACUUM copies must not pass through a file elsewhere.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("VACUUM")
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise FeedbackError(
            "forgotten, but another process still reads an older state of the file",
            "wait for it to finish, then give the same command again",
        )


def was_forgotten(connection: Connection, impression_id: str) -> bool:
    """Whether this completion was known once."""
    row = connection.execute("SELECT 1 FROM forgotten WHERE digest = ?", (_digest(impression_id),)).fetchone()
    return row is not None


def _delete(connection: Connection, ids: Sequence[str]) -> None:
    for table, column in (("event", "impression_id"), ("persistence", "impression_id"), ("impression", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", ((one,) for one in ids))


def _digest(impression_id: str) -> bytes:
    return blake2b(impression_id.encode(), digest_size=8).digest()
