"""Facts about an index as a whole, and which files change together: the tables `meta` and `together`."""

from __future__ import annotations

from collections.abc import Iterable

from repocomp.store.connect import Connection, transaction

ENCODER = "encoder"
"""The fact that names the encoder of the vectors, by its digest."""
ROOT = "root"
"""The fact that names the work tree, by its real path."""
FINISHED = "finished"
"""The fact that says when the last full run ended, in seconds since 1970."""
READING_FACT = "reading"
"""The fact that says which way of reading files the index was made by."""
HISTORY = "history"
"""The fact that names the commit whose history was read."""


def fact(connection: Connection, key: str) -> str | None:
    """One fact; None where it was never set."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_fact(connection: Connection, key: str, value: str) -> None:
    """Set one fact."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def replace_companions(connection: Connection, head: str, rows: Iterable[tuple[str, str, float]]) -> None:
    """Set which files change together, as (path, other, weight), read from the history of the commit `head`."""
    with transaction(connection):
        connection.execute("DELETE FROM together")
        connection.executemany("INSERT INTO together VALUES (?, ?, ?)", rows)
        set_fact(connection, HISTORY, head)
