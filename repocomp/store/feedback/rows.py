"""The rows of a feedback database, and the statements that write them.

Events are only ever added; each function here is one statement in one transaction, so that an end at any moment leaves
all of it or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from repocomp.store.connect import Connection

EventKind = Literal["shown", "accepted", "partially_accepted", "rejected", "edited"]
VERDICTS: tuple[EventKind, ...] = ("accepted", "partially_accepted", "rejected")
"""What a completion can come to; the last one counts."""
_ABOUT = "WHERE impression_id IN (SELECT value FROM json_each(?)) ORDER BY id"


@dataclass(frozen=True, slots=True)
class Impression:
    """One answer as it was given. Times are Unix milliseconds, `chars` counts visible characters.

    `tree` is the digest of the work tree's path, `base` the commit it stood on; `text` is redacted, None where only
    digests are kept.
    """

    id: str
    first_ms: int
    last_ms: int
    shows: int
    shown: bool
    tree: str
    base: str | None
    path: str
    language: str
    line: int
    column: int
    text: str | None
    digest: str
    chars: int
    decision: str
    probability: float | None
    total_ms: float
    marks: str
    detail: str

    def details(self) -> dict[str, Any]:
        """What `explain` replays: decision, retrieval, filters, timings, features."""
        loaded: dict[str, Any] = json.loads(self.detail)
        return loaded


@dataclass(frozen=True, slots=True)
class Event:
    """One word about a completion. `chars` counts the visible characters of its text, None without one."""

    id: int
    impression_id: str
    kind: EventKind
    at_ms: int
    text: str | None
    digest: str
    chars: int | None


@dataclass(frozen=True, slots=True)
class Persistence:
    """How much of a completion stood at a moment: `moment` is "commit" or seconds after it was shown."""

    id: int
    impression_id: str
    moment: str
    commit_id: str
    path: str
    at_ms: int
    kept: int
    chars: int

    @property
    def is_held(self) -> bool:
        """Whether at least half of it stood."""
        return 2 * self.kept >= self.chars


def add_impression(connection: Connection, row: Impression) -> None:
    """Insert `row`; the same answer given again is counted, and belongs to where it was asked last."""
    places = ", ".join("?" * 19)
    connection.execute(
        f"INSERT INTO impression VALUES ({places}) ON CONFLICT (id) DO UPDATE SET shows = shows + 1,"
        " last_ms = max(last_ms, excluded.last_ms), shown = max(shown, excluded.shown), tree = excluded.tree,"
        " base = excluded.base",
        astuple(row),
    )


def add_event(
    connection: Connection,
    impression_id: str,
    kind: EventKind,
    at_ms: int,
    text: str | None,
    digest: str,
    chars: int | None,
) -> bool:
    """Insert one event unless it says what was said last; returns whether it was new.

    One statement, so of several processes that say the same at once one is counted. A clock that went backwards does
    not date an event before its completion.
    """
    rivals = VERDICTS if kind in VERDICTS else (kind,)
    done = connection.execute(
        "INSERT INTO event (impression_id, kind, at_ms, text, digest, chars)"
        " SELECT id, ?2, max(?3, first_ms), ?4, ?5, ?6 FROM impression WHERE id = ?1 AND NOT EXISTS ("
        "  SELECT 1 FROM (SELECT kind, digest FROM event WHERE impression_id = ?1 AND"
        f"  kind IN ({', '.join(repr(rival) for rival in rivals)}) ORDER BY id DESC LIMIT 1)"
        "  WHERE kind = ?2 AND digest = ?5)",
        (impression_id, kind, at_ms, text, digest, chars),
    )
    return done.rowcount == 1


def add_persistence(connection: Connection, row: Persistence) -> bool:
    """Insert one measurement (its `id` is given by the database); False when it was there already."""
    done = connection.execute(
        "INSERT INTO persistence (impression_id, moment, commit_id, path, at_ms, kept, chars)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        astuple(row)[1:],
    )
    return done.rowcount == 1


def impression(connection: Connection, impression_id: str) -> Impression | None:
    """One impression by its identifier."""
    row = connection.execute("SELECT * FROM impression WHERE id = ?", (impression_id,)).fetchone()
    return _impression(row) if row is not None else None


def impressions(connection: Connection, where: str = "1", values: tuple[object, ...] = ()) -> list[Impression]:
    """Impressions that fulfil the condition, in the order they were first given."""
    rows = connection.execute(f"SELECT * FROM impression WHERE {where} ORDER BY rowid", values)
    return [_impression(row) for row in rows]


def newest(connection: Connection, number: int) -> list[Impression]:
    """The impressions that were given last, oldest first."""
    last = "id IN (SELECT id FROM impression ORDER BY last_ms DESC, rowid DESC LIMIT ?)"
    return sorted(impressions(connection, last, (number,)), key=lambda row: row.last_ms)


def events(connection: Connection, rows: Sequence[Impression]) -> dict[str, list[Event]]:
    """What was said about `rows`, by identifier, oldest first."""
    by_id: dict[str, list[Event]] = {}
    for row in connection.execute(f"SELECT * FROM event {_ABOUT}", _ids(rows)):
        by_id.setdefault(row[1], []).append(Event(*row))
    return by_id


def persistences(connection: Connection, rows: Sequence[Impression]) -> dict[str, list[Persistence]]:
    """What was measured of `rows`, by identifier, oldest first."""
    by_id: dict[str, list[Persistence]] = {}
    for row in connection.execute(f"SELECT * FROM persistence {_ABOUT}", _ids(rows)):
        by_id.setdefault(row[1], []).append(Persistence(*row))
    return by_id


def fact(connection: Connection, key: str) -> bytes | None:
    """One fact about the database as a whole."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return bytes(row[0]) if row is not None else None


def remember(connection: Connection, key: str, value: bytes) -> None:
    """Set one fact."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _ids(rows: Sequence[Impression]) -> tuple[str]:
    return (json.dumps([row.id for row in rows]),)


def _impression(row: tuple[Any, ...]) -> Impression:
    values = list(row)
    values[4] = bool(values[4])
    return Impression(*values)
