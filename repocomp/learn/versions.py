"""Versions of what was learned: rows that are only added, and the one file that requests read.

The row comes first, the file by rename after it: whoever stops in between leaves the version before in use, and the
next `settle` puts the file right. Going back is a version of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from repocomp.errors import FeedbackError
from repocomp.policy.learned import write_learned
from repocomp.policy.select import Parameters, from_json, to_json
from repocomp.store.connect import Connection, transaction
from repocomp.store.feedback.learning import LearnedRow, add_learned, learned_rows
from repocomp.store.feedback.rows import fact, remember

_FROZEN, _ATTEMPT = "frozen", "learn_attempt"
_LEARNED = "learned"


def in_use(connection: Connection) -> Parameters | None:
    """What is in use; None for the shipped behaviour."""
    rows = learned_rows(connection)
    return _parameters(rows[-1], is_frozen(connection)) if rows else None


def promote(connection: Connection, path: Path, parameters: Parameters, report: Mapping[str, Any]) -> int:
    """Take parameters into use; returns the number of the version. Raises FeedbackError when it cannot be written."""
    number = _add(connection, _LEARNED, json.dumps(to_json(parameters)), report)
    settle(connection, path)
    return number


def withdraw(connection: Connection, path: Path, report: Mapping[str, Any]) -> None:
    """Take the shipped behaviour into use, since what is in use has been shown to be worse."""
    _add(connection, "withdrawn: no better than what is shipped", None, report)
    settle(connection, path)


def replays_behind(connection: Connection) -> int:
    """How many replays the version in use had seen."""
    rows = {row.number: row for row in learned_rows(connection)}
    if not rows:
        return 0
    content = json.loads(rows[_origin(rows[max(rows)])].report)
    return int(content.get("replays", 0))


def roll_back(connection: Connection, path: Path) -> int | None:
    """Take the version before the one in use into use again; returns its number, None for the shipped behaviour.

    Raises FeedbackError when nothing was learned.
    """
    rows = learned_rows(connection)
    current = rows[-1] if rows else None
    if current is None or current.parameters is None:
        raise FeedbackError("nothing that was learned is in use", "repocomp learn --show")
    before = [row for row in rows if row.number < _origin(current)]
    target = before[-1] if before and before[-1].parameters is not None else None
    if target is None:
        _add(connection, "rolled back to the shipped behaviour", None, {})
    else:
        number = _origin(target)
        _add(connection, f"rolled back to {number}", target.parameters, {"restores": number})
    settle(connection, path)
    return None if target is None else _origin(target)


def reset(connection: Connection, path: Path) -> None:
    """Take the shipped behaviour into use. Replays and feedback are kept."""
    if in_use(connection) is not None:
        _add(connection, "reset", None, {})
    settle(connection, path)


def freeze(connection: Connection, path: Path, is_on: bool) -> None:
    """Let nothing be learned any more, and nothing explored; or let it again."""
    remember(connection, _FROZEN, b"1" if is_on else b"")
    settle(connection, path)


def is_frozen(connection: Connection) -> bool:
    """Whether nothing is to be learned."""
    return bool(fact(connection, _FROZEN))


def settle(connection: Connection, path: Path) -> None:
    """Make the file say what the last row says. Raises FeedbackError when it cannot be written."""
    parameters = in_use(connection)
    try:
        if parameters is None:
            path.unlink(missing_ok=True)
        else:
            write_learned(path, parameters)
    except OSError as error:
        raise FeedbackError(
            f"{path}: {error.strerror or error}", "check the disk and the folder's permissions"
        ) from error


def note_attempt(connection: Connection, report: Mapping[str, Any]) -> None:
    """Remember how the last attempt to learn went."""
    remember(connection, _ATTEMPT, json.dumps(report).encode())


def last_attempt(connection: Connection) -> dict[str, Any]:
    """How the last attempt to learn went; empty before the first."""
    found = fact(connection, _ATTEMPT)
    attempt: dict[str, Any] = json.loads(found) if found else {}
    return attempt


def _add(connection: Connection, reason: str, parameters: str | None, report: Mapping[str, Any]) -> int:
    with transaction(connection):
        return add_learned(connection, time.time_ns() // 1_000_000, reason, parameters, json.dumps(report))


def _parameters(row: LearnedRow, frozen: bool) -> Parameters | None:
    if row.parameters is None:
        return None
    return replace(from_json(json.loads(row.parameters)), number=row.number, is_frozen=frozen)


def _origin(row: LearnedRow) -> int:
    """The number of the version that a row stands for."""
    return int(json.loads(row.report).get("restores", row.number))
