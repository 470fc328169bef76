"""Finding the database that feedback belongs to, and writing it there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repocomp.errors import FeedbackError
from repocomp.feedback.export import export
from repocomp.feedback.marks import visible_chars
from repocomp.feedback.record import text_digest
from repocomp.secrets.redaction import REDACTED, redact
from repocomp.store.connect import Connection
from repocomp.store.feedback.connect import explained, open_feedback, read_feedback
from repocomp.store.feedback.erase import was_forgotten
from repocomp.store.feedback.rows import EventKind, Impression, add_event, fact, impression, newest
from repocomp.store.identity import identify
from repocomp.store.paths import feedback_path, feedback_paths
from repocomp.tree import printable

LAST = "last"
"""Stands for the newest completion of this repository."""

Outcome = Literal["recorded", "already"]


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a word: `outcome`, the completion it is about, and whether the clock stood before it."""

    outcome: Outcome
    id: str
    is_clock_behind: bool


def repository_path(root: Path) -> Path:
    """The feedback database of the repository at `root`, which need not exist yet."""
    return feedback_path(identify(root).name)


@contextmanager
def reading(root: Path) -> Iterator[Connection | None]:
    """The feedback of the repository at `root` for reading; None while there is none. Raises FeedbackError."""
    path = repository_path(root)
    connection = read_feedback(path)
    if connection is None:
        yield None
        return
    with closing(connection), explained(path):
        yield connection


def find(root: Path, impression_id: str) -> tuple[Path, Impression]:
    """The completion called `impression_id` and its database: this repository's, else any other of this user.

    Raises FeedbackError for one that is unknown or was forgotten.
    """
    impression_id = printable(impression_id)
    here = repository_path(root)
    others = [] if impression_id == LAST else [path for path in feedback_paths() if path != here]
    forgotten = False
    for path in [here, *others]:
        connection = read_feedback(path)
        if connection is None:
            continue
        with closing(connection), explained(path):
            last = newest(connection, 1) if impression_id == LAST else [impression(connection, impression_id)]
            found = last[0] if last else None
            if found is not None:
                return path, found
            forgotten = forgotten or was_forgotten(connection, impression_id)
    if forgotten:
        raise FeedbackError(f"{impression_id}: this completion was forgotten", "repocomp feedback list")
    raise FeedbackError(f"{impression_id}: there is no such completion", "repocomp feedback list")


def replay(root: Path, impression_id: str) -> dict[str, Any]:
    """All that is known of one completion, as an exported line. Raises FeedbackError."""
    path, about = find(root, impression_id)
    with closing(open_feedback(path)) as connection, explained(path):
        return next(export(connection, [about]))


def say(root: Path, impression_id: str, kind: EventKind, text: str | None, *, keep_text: bool) -> Said:
    """Write one word about a completion; saying again what was said last changes nothing.

    Raises FeedbackError for an unknown or forgotten completion, for one that offered nothing, and when it cannot be
    written: nothing was acknowledged then.
    """
    path, about = find(root, impression_id)
    if not about.chars:
        raise FeedbackError(f"{about.id}: this answer was empty", f"repocomp explain {about.id}")
    if text is not None:
        text = REDACTED if about.details()["secret"] else redact(printable(text).replace("\r\n", "\n"))
    now_ms = time.time_ns() // 1_000_000
    with closing(open_feedback(path)) as connection, explained(path):
        salt = fact(connection, "salt") or b""
        digest = "" if text is None else text_digest(text, salt)
        chars = None if text is None else visible_chars(text)
        stored = text if keep_text and about.text is not None else None
        is_new = add_event(connection, about.id, kind, now_ms, stored, digest, chars)
        if not is_new and impression(connection, about.id) is None:
            raise FeedbackError(f"{about.id}: this completion was forgotten", "repocomp feedback list")
    return Said("recorded" if is_new else "already", about.id, now_ms < about.first_ms)
