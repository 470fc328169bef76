"""What of each completion stands in the saved file a little later: 30 seconds, 2, 5 and 10 minutes after it was given.

The definition. At the first look in [moment, 2 x moment) seconds after a completion was last given, its file is read
from the disk; a file that is gone holds nothing. A work tree that went to another line of history in between (a switch
of branches, a rebase that is under way) says nothing.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from repocomp import git, tree
from repocomp.feedback.marks import Marks
from repocomp.feedback.persistence import Text, kept_chars
from repocomp.store.feedback.connect import explained, open_feedback
from repocomp.store.feedback.reports import rewrites
from repocomp.store.feedback.rows import Impression, Persistence, add_persistence, fact, impressions, persistences
from repocomp.store.identity import identify
from repocomp.store.paths import feedback_path, path_digest

MOMENTS_S = (30, 120, 300, 600)
"""Seconds after a completion was given at which its file is looked at."""
_MOST_BYTES = 8 << 20
_IDENTIFY_S = 2.0
"""For git, while other work of the daemon waits. The completion has had it remembered."""


def sweep(root: Path, now_ms: int | None = None) -> int:
    """Measure what is due in the work tree at `root`; returns how many measurements were added.

    For a daemon: call it every ten seconds or so. Costs one read of the database when nothing is due. Raises
    FeedbackError.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    identity = identify(root, _IDENTIFY_S)
    path = feedback_path(identity.name)
    if not path.exists():
        return 0
    with closing(open_feedback(path, synced=False)) as connection, explained(path):
        since, until = now - 2000 * MOMENTS_S[-1], now - 1000 * MOMENTS_S[0]
        condition = "tree = ? AND chars > 0 AND last_ms BETWEEN ? AND ?"
        rows = impressions(connection, condition, (path_digest(root), since, until))
        done = persistences(connection, rows)
        salt, moved = fact(connection, "salt") or b"", rewrites(connection) if rows else {}
        count = 0
        for row in rows:
            moment = _due(row, now)
            known = {item.moment for item in done.get(row.id, ())}
            if moment is None or moment in known or not _same_line(root, row.base, identity.head, moved):
                continue
            marks = Marks.from_json(row.marks)
            text = _read(root, row.path, salt)
            if text is not None:
                entry = Persistence(0, row.id, moment, "", row.path, now, kept_chars(marks, text), marks.chars)
                count += add_persistence(connection, entry)
    return count


def _due(row: Impression, now_ms: int) -> str | None:
    """The latest moment whose time has come and is not over."""
    age_s = (now_ms - row.last_ms) / 1000
    return next((str(moment) for moment in reversed(MOMENTS_S) if moment <= age_s < 2 * moment), None)


def _same_line(root: Path, base: str | None, head: str | None, moved: dict[str, str]) -> bool:
    """Whether HEAD still stands on the commit that a completion was asked on."""
    if base is None or base == head:
        return True
    return head is not None and git.is_ancestor(root, moved.get(base, base), head)


def _read(root: Path, path: str, salt: bytes) -> Text | None:
    """The file as it is saved, empty where it is gone; None for one too large to look at, or behind a link."""
    try:
        return Text(tree.read(root, path, _MOST_BYTES), salt, path)
    except (FileNotFoundError, NotADirectoryError):
        return Text(b"", salt)
    except OSError:
        return None
