"""The history as JSON Lines: one completion per line, with everything that was decided, reported and measured.

This is also what learning reads: features known before retrieval, decisions and draws with their propensities, events
and measurements in the order they came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from repocomp.secrets.redaction import legible, redact
from repocomp.store.connect import Connection
from repocomp.store.feedback.rows import VERDICTS, Event, Impression, Persistence, events, persistences

EXPORT_VERSION = 1
_CYCLE_YEARS = 400
_CYCLE_MS = 146_097 * 86_400_000
"""After 400 years the calendar begins anew: Python's ends with the year 9999, a clock need not."""


def export(connection: Connection, rows: Sequence[Impression]) -> Iterator[dict[str, Any]]:
    """Completions as plain values, in order; texts are redacted again, by today's patterns."""
    said, measured = events(connection, rows), persistences(connection, rows)
    for row in rows:
        yield line(row, said.get(row.id, ()), measured.get(row.id, ()))


def line(row: Impression, said: Sequence[Event], measured: Sequence[Persistence]) -> dict[str, Any]:
    """One completion with its events and measurements. Keys may be added, never changed."""
    details = row.details()
    return {
        "version": EXPORT_VERSION,
        "id": row.id,
        "at": moment(row.first_ms),
        "last_at": moment(row.last_ms),
        "shows": row.shows,
        "shown": row.shown or any(event.kind == "shown" for event in said),
        "verdict": verdict(said),
        "path": legible(redact(row.path)),
        "language": row.language,
        "line": row.line,
        "column": row.column,
        "base_commit": row.base,
        "text": None if row.text is None else legible(redact(row.text, row.path)),
        "text_digest": row.digest,
        "chars": row.chars,
        **{key: value for key, value in details.items() if key != "secret"},
        "events": [_event(event) for event in said],
        "persistence": [_measured(item) for item in measured],
    }


def verdict(said: Sequence[Event]) -> str | None:
    """What the completion came to in the end, in the user's words; None when nothing was said."""
    return next((event.kind for event in reversed(said) if event.kind in VERDICTS), None)


def moment(at_ms: int) -> str:
    """Unix milliseconds as ISO 8601, UTC; years of more than four digits with a sign, as it asks for."""
    cycles, rest_ms = divmod(at_ms, _CYCLE_MS)
    within = datetime.fromtimestamp(rest_ms / 1000, UTC)
    year = within.year + _CYCLE_YEARS * cycles
    shown = f"{year:04}" if 0 <= year <= 9999 else f"{year:+07}"
    return shown + within.isoformat(timespec="milliseconds")[4:].replace("+00:00", "Z")


def _event(event: Event) -> dict[str, Any]:
    text = None if event.text is None else legible(redact(event.text))
    return {"kind": event.kind, "at": moment(event.at_ms), "text": text, "chars": event.chars}


def _measured(item: Persistence) -> dict[str, Any]:
    return {
        "moment": item.moment,
        "at": moment(item.at_ms),
        "commit": item.commit_id or None,
        "path": item.path,
        "kept_chars": item.kept,
        "chars": item.chars,
    }
