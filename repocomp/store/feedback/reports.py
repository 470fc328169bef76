"""What git's hooks told a feedback database: reports that wait, commits that took the place of others, their size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from repocomp.store.connect import Connection

_KEPT_REPORTS = 200


@dataclass(frozen=True, slots=True)
class GitEvent:
    """One report: the hook's name, the commit that HEAD named, and for a rewrite old commits with their new ones."""

    id: int
    tree: str
    kind: str
    head: str
    rewrites: dict[str, str]
    at_ms: int
    state: str


def add_git_event(
    connection: Connection, tree: str, kind: str, head: str, rewrites: Mapping[str, str], at_ms: int
) -> None:
    """Put a report in line."""
    connection.execute(
        "INSERT INTO git_event (tree, kind, head, rewrites, at_ms, state) VALUES (?, ?, ?, ?, ?, 'waiting')",
        (tree, kind, head, json.dumps(rewrites), at_ms),
    )


def waiting(connection: Connection, tree: str) -> GitEvent | None:
    """The oldest report of a work tree that was not looked at yet."""
    select = "SELECT * FROM git_event WHERE tree = ? AND state = 'waiting' ORDER BY id LIMIT 1"
    row = connection.execute(select, (tree,)).fetchone()
    return _event(row) if row is not None else None


def finish(connection: Connection, event: GitEvent, state: str = "done") -> None:
    """Mark a report as looked at; old ones go."""
    connection.execute("UPDATE git_event SET state = ? WHERE id = ?", (state, event.id))
    connection.execute("DELETE FROM git_event WHERE state != 'waiting' AND id <= ?", (event.id - _KEPT_REPORTS,))


def git_events(connection: Connection, tree: str) -> list[GitEvent]:
    """The reports of a work tree that are still known, oldest first."""
    rows = connection.execute("SELECT * FROM git_event WHERE tree = ? ORDER BY id", (tree,))
    return [_event(row) for row in rows]


def add_rewrites(connection: Connection, rewrites: Mapping[str, str]) -> None:
    """Remember which commits took the place of which."""
    connection.executemany("INSERT OR REPLACE INTO rewrite VALUES (?, ?)", rewrites.items())


def rewrites(connection: Connection) -> dict[str, str]:
    """The commit that took the place of each one that is gone."""
    return dict(connection.execute("SELECT old, new FROM rewrite"))


def standing(commit: str, rewrites: Mapping[str, str]) -> str:
    """The commit that stands for `commit` after all `rewrites`."""
    seen: set[str] = set()
    while commit in rewrites and commit not in seen:
        seen.add(commit)
        commit = rewrites[commit]
    return commit


def add_committed(connection: Connection, commit: str, at_ms: int, chars: Mapping[str, int]) -> None:
    """Remember how many visible characters a commit added, by language."""
    rows = [(commit, language, at_ms, count) for language, count in sorted(chars.items())]
    connection.executemany("INSERT OR IGNORE INTO committed VALUES (?, ?, ?, ?)", rows)


def committed(connection: Connection) -> list[tuple[str, str, int, int]]:
    """(commit, language, at_ms, visible characters added) of the commits that still stand."""
    select = "SELECT * FROM committed WHERE commit_id NOT IN (SELECT old FROM rewrite) ORDER BY at_ms, commit_id"
    return connection.execute(select).fetchall()


def _event(row: tuple[int, str, str, str, str, int, str]) -> GitEvent:
    number, tree, kind, head, pairs, at_ms, state = row
    return GitEvent(number, tree, kind, head, json.loads(pairs), at_ms, state)
