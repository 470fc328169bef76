"""The schema of an index, as a list of named steps that only grows."""

from __future__ import annotations

from repocomp.store.migrate import Steps

NAME = "index"

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

_STAMPS = """
ALTER TABLE file ADD COLUMN stamp TEXT NOT NULL DEFAULT '';
"""

STEPS: Steps = (
    ("create", _CREATE),
    ("history", _HISTORY),
    ("vectors", _VECTORS),
    ("no imports", _NO_IMPORTS),
    ("stamps", _STAMPS),
)
