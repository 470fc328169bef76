"""What learning keeps in a feedback database: replays, a row each as they are measured, and versions of the result."""

from __future__ import annotations

from dataclasses import dataclass

from repocomp.store.connect import Connection


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One replay; `detail` is JSON. Rows keep the order in which they were measured."""

    hole: str
    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class LearnedRow:
    """One version; `parameters` is None for the shipped behaviour, `report` is JSON."""

    number: int
    at_ms: int
    reason: str
    parameters: str | None
    report: str


def add_replay(connection: Connection, state: str, row: ReplayRow, at_ms: int) -> None:
    """Insert one replay; what is there already stays."""
    connection.execute(
        "INSERT INTO replay (state, hole, path, at_ms, detail) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (state, row.hole, row.path, at_ms, row.detail),
    )


def replay_rows(connection: Connection, state: str) -> list[ReplayRow]:
    """The replays of a state, oldest first."""
    select = "SELECT hole, path, detail FROM replay WHERE state = ? ORDER BY id"
    return [ReplayRow(*row) for row in connection.execute(select, (state,))]


def add_learned(connection: Connection, at_ms: int, reason: str, parameters: str | None, report: str) -> int:
    """Insert a version, from now on the one in use; returns its number."""
    done = connection.execute(
        "INSERT INTO learned (at_ms, reason, parameters, report) VALUES (?, ?, ?, ?)",
        (at_ms, reason, parameters, report),
    )
    return int(done.lastrowid or 0)


def learned_rows(connection: Connection) -> list[LearnedRow]:
    """Every version, oldest first."""
    return [LearnedRow(*row) for row in connection.execute("SELECT * FROM learned ORDER BY id")]


def is_used_since(connection: Connection, at_ms: int) -> bool:
    """Whether a completion was given after a moment."""
    return connection.execute("SELECT 1 FROM impression WHERE first_ms > ? LIMIT 1", (at_ms,)).fetchone() is not None
