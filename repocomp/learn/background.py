"""Learning in the background: a process of its own, at the lowest priority, a few minutes a day where people complete.

Whoever would start it claims it first, in the database, so that of many daemons and hooks one does. A process that is
killed leaves its replays, and the next day's goes on from there.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from repocomp.feedback.ledger import repository_path
from repocomp.learn.versions import is_frozen
from repocomp.store.connect import transaction
from repocomp.store.feedback.connect import explained, open_feedback
from repocomp.store.feedback.learning import is_used_since
from repocomp.store.feedback.rows import fact, remember
from repocomp.store.paths import index_path

COMMAND = ("learn", "--minutes", "5", "--limit", "1000")
"""With a thousand replays only feedback is new, and a run takes a second."""
_PAUSE_MS = 24 * 3_600_000
_BEGAN = "learn_began"


def claim(root: Path, now_ms: int | None = None) -> bool:
    """Whether whoever asks should start `COMMAND` at `root` now; says so to one a day, and after completions alone.

    False without index or feedback, and where learning is frozen. Raises FeedbackError.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    path = repository_path(root)
    if not path.exists() or not index_path(root).exists():
        return False
    with closing(open_feedback(path, synced=False)) as connection, explained(path), transaction(connection):
        began = int(fact(connection, _BEGAN) or 0)
        if abs(now - began) < _PAUSE_MS or is_frozen(connection) or not is_used_since(connection, began):
            return False
        remember(connection, _BEGAN, str(now).encode())
        return True
