"""The schema of a feedback database, as named steps that only grow.

Later steps are taken by `sqlite-utils`, as for an index. A new database is made with the standard library alone and the
same bookkeeping, since it is made right after somebody's first completion.
"""

from __future__ import annotations

import datetime
import os

from repocomp.store.connect import Connection, transaction
from repocomp.store.migrate import Steps, migrate, schema_version, statements

NAME = "feedback"

_CREATE = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);

-- One answer, once; `shows` counts how often it was given. `text` is NULL where only digests are kept. `marks` finds
-- the place again, `detail` replays the decision; both are JSON.
CREATE TABLE impression (
    id TEXT PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, shows INTEGER NOT NULL,
    shown INTEGER NOT NULL, tree TEXT NOT NULL, base TEXT, path TEXT NOT NULL, language TEXT NOT NULL,
    line INTEGER NOT NULL, column INTEGER NOT NULL, text TEXT, digest TEXT NOT NULL, chars INTEGER NOT NULL,
    decision TEXT NOT NULL, probability REAL, total_ms REAL NOT NULL, marks TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX impression_path ON impression (tree, path);
CREATE INDEX impression_first ON impression (first_ms);

-- What a user or an editor said, in the order it was said. The last verdict counts.
CREATE TABLE event (
    id INTEGER PRIMARY KEY, impression_id TEXT NOT NULL, kind TEXT NOT NULL, at_ms INTEGER NOT NULL,
    text TEXT, digest TEXT NOT NULL, chars INTEGER
);
CREATE INDEX event_impression ON event (impression_id);

-- How much of a completion stood in the saved file (`commit_id` empty) or in a commit. The last row of a moment counts.
CREATE TABLE persistence (
    id INTEGER PRIMARY KEY, impression_id TEXT NOT NULL, moment TEXT NOT NULL, commit_id TEXT NOT NULL,
    path TEXT NOT NULL, at_ms INTEGER NOT NULL, kept INTEGER NOT NULL, chars INTEGER NOT NULL,
    UNIQUE (impression_id, moment, commit_id)
);

-- Visible characters that a commit added, by language; and which commits took the place of others.
CREATE TABLE committed (
    commit_id TEXT NOT NULL, language TEXT NOT NULL, at_ms INTEGER NOT NULL, chars INTEGER NOT NULL,
    PRIMARY KEY (commit_id, language)
) WITHOUT ROWID;
CREATE TABLE rewrite (old TEXT PRIMARY KEY, new TEXT NOT NULL) WITHOUT ROWID;

-- What git's hooks reported: `state` is "waiting", "done", or why it failed.
CREATE TABLE git_event (
    id INTEGER PRIMARY KEY, tree TEXT NOT NULL, kind TEXT NOT NULL, head TEXT NOT NULL, rewrites TEXT NOT NULL,
    at_ms INTEGER NOT NULL, state TEXT NOT NULL
);

-- Digests of identifiers that were forgotten, so that a late word about them is told from a wrong one.
CREATE TABLE forgotten (digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""

_LEARNING = """
-- A line of the repository that was hidden and written again, once for each state (pack, strategies, content). `detail`
-- is JSON: what was known of the place and what each action brought; no source text.
CREATE TABLE replay (
    id INTEGER PRIMARY KEY, state TEXT NOT NULL, hole TEXT NOT NULL, path TEXT NOT NULL, at_ms INTEGER NOT NULL,
    detail TEXT NOT NULL, UNIQUE (state, hole)
);

-- Every version of what was learned, and why it was taken; `parameters` is NULL for the shipped behaviour. The last row
-- is what is in use.
CREATE TABLE learned (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, reason TEXT NOT NULL, parameters TEXT, report TEXT NOT NULL
);
"""

STEPS: Steps = (("create", _CREATE), ("learning", _LEARNING))

_BOOKKEEPING = (
    'CREATE TABLE "_sqlite_migrations" ('
    '"id" INTEGER PRIMARY KEY, "migration_set" TEXT, "name" TEXT, "applied_at" TEXT)',
    'CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name" ON "_sqlite_migrations" ("migration_set", "name")',
)


def make_current(connection: Connection) -> None:
    """Create or upgrade the schema, all or nothing. Needs a writable connection in autocommit mode."""
    if schema_version(connection) == 0:
        _create(connection)
    migrate(connection, STEPS, NAME)


def _create(connection: Connection) -> None:
    with transaction(connection):
        # Another process may have been first.
        if schema_version(connection) > 0:
            return
        for statement in (*_BOOKKEEPING, *(line for _, script in STEPS for line in statements(script))):
            connection.execute(statement)
        now = str(datetime.datetime.now(datetime.UTC))
        insert = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)"
        connection.executemany(insert, ((NAME, name, now) for name, _ in STEPS))
        connection.execute("INSERT INTO meta VALUES ('salt', ?)", (os.urandom(16),))
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
