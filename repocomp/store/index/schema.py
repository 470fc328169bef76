"""The schema of an index as a list of named steps that only grows, and how such steps are taken.

`sqlite-utils` runs the steps and records them. `PRAGMA user_version` counts them as well, so opening a current
database costs one read and no import.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

_CREATE = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE content (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, language TEXT NOT NULL,
    lines INTEGER NOT NULL, bytes INTEGER NOT NULL, live INTEGER NOT NULL, text BLOB NOT NULL
);
-- Nearly all contents are live: only the dead ones are worth an index.
CREATE INDEX content_dead ON content (id) WHERE live = 0;

CREATE TABLE file (
    path TEXT PRIMARY KEY, content_id INTEGER, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL, skipped TEXT
) WITHOUT ROWID;
CREATE INDEX file_content ON file (content_id);

CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, content_id INTEGER NOT NULL, kind INTEGER NOT NULL,
    start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, name TEXT
);
CREATE INDEX chunk_content ON chunk (content_id, kind);

CREATE TABLE symbol (
    content_id INTEGER NOT NULL, name TEXT NOT NULL, qualified TEXT NOT NULL, kind TEXT NOT NULL, parent TEXT,
    signature TEXT NOT NULL, doc TEXT, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL
);
CREATE INDEX symbol_name ON symbol (name);
CREATE INDEX symbol_content ON symbol (content_id);

CREATE TABLE import (
    content_id INTEGER NOT NULL, module TEXT NOT NULL, name TEXT, alias TEXT NOT NULL, line INTEGER NOT NULL
);
CREATE INDEX import_content ON import (content_id);

CREATE TABLE reference (
    name TEXT NOT NULL, content_id INTEGER NOT NULL, lines BLOB NOT NULL, PRIMARY KEY (name, content_id)
) WITHOUT ROWID;
CREATE INDEX reference_content ON reference (content_id);

CREATE TABLE segment (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL,
    chunks BLOB NOT NULL, lengths BLOB NOT NULL, contents BLOB NOT NULL
);
CREATE TABLE posting (
    kind INTEGER NOT NULL, term TEXT NOT NULL, segment_id INTEGER NOT NULL, places BLOB NOT NULL, counts BLOB,
    PRIMARY KEY (kind, term, segment_id)
) WITHOUT ROWID;
CREATE INDEX posting_segment ON posting (segment_id);
"""

_HISTORY = """
CREATE TABLE together (
    path TEXT NOT NULL, other TEXT NOT NULL, weight REAL NOT NULL, PRIMARY KEY (path, other)
) WITHOUT ROWID;
"""

_VECTORS = """
CREATE TABLE vector (
    segment_id INTEGER PRIMARY KEY, stamp INTEGER NOT NULL, scales BLOB NOT NULL, levels BLOB NOT NULL
);
"""

_NO_IMPORTS = """
DROP TABLE import;
"""

Steps = tuple[tuple[str, str], ...]
"""Names and SQL scripts, oldest first."""

STEPS: Steps = (("create", _CREATE), ("history", _HISTORY), ("vectors", _VECTORS), ("no imports", _NO_IMPORTS))


def migrate(connection: sqlite3.Connection, steps: Steps = STEPS, name: str = "index") -> None:
    """Take the `steps` that are missing, all or none. Needs a writable connection in autocommit mode."""
    if _steps_taken(connection) >= len(steps):
        return
    from sqlite_utils import Database, Migrations

    migrations = Migrations(name)
    for step, script in steps:
        migrations(name=step)(_step(script))
    # The lock comes before the question what is missing: two processes may open a new index at once.
    connection.execute("BEGIN IMMEDIATE")
    try:
        migrations.apply(Database(connection))
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements(script: str) -> list[str]:
    """The statements of a step; each ends its line with a semicolon."""
    return script.split(";\n")


def _steps_taken(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("PRAGMA user_version").fetchone()
    return int(count)


def _step(script: str) -> Callable[[Database], None]:
    def run(database: Database) -> None:
        for statement in statements(script):
            database.execute(statement)

    return run
