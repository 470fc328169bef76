"""Deleting on demand: one completion, all before a day, or everything recorded for a repository."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from repocomp.errors import FeedbackError
from repocomp.feedback.ledger import find, repository_path
from repocomp.store.feedback.connect import explained, open_feedback, read_feedback
from repocomp.store.feedback.erase import forget, was_forgotten
from repocomp.store.feedback.rows import impressions
from repocomp.store.memory.credits import erase_memory
from repocomp.store.paths import learned_path, memory_path
from repocomp.tree import printable


def forget_one(root: Path, impression_id: str) -> int:
    """Forget one completion; 0 when it was forgotten before. Raises FeedbackError for an unknown one."""
    impression_id = printable(impression_id)
    try:
        path, found = find(root, impression_id)
    except FeedbackError:
        if not _was_forgotten(repository_path(root), impression_id):
            raise
        # Asked again, since the log could not be emptied the first time.
        return _forget(repository_path(root), "0", ())
    return _forget(path, "id = ?", (found.id,))


def forget_before(root: Path, before_ms: int) -> int:
    """Forget what was last given before a moment in Unix milliseconds; returns how many."""
    return _forget(repository_path(root), "last_ms < ?", (before_ms,))


def forget_everything(root: Path) -> int:
    """Forget every completion of the repository, what is known of its commits, and what was learned from them.

    Returns how many.
    """
    path = repository_path(root)
    learned_path(path.parent.name).unlink(missing_ok=True)
    erase_memory(memory_path(path.parent.name))
    return _forget(path, "1", (), everything=True)


def _forget(path: Path, where: str, values: tuple[object, ...], *, everything: bool = False) -> int:
    if not path.exists():
        return 0
    with closing(open_feedback(path)) as connection, explained(path):
        ids = [row.id for row in impressions(connection, where, values)]
        forget(connection, ids, everything=everything)
    return len(ids)


def _was_forgotten(path: Path, impression_id: str) -> bool:
    connection = read_feedback(path)
    if connection is None:
        return False
    with closing(connection), explained(path):
        return was_forgotten(connection, impression_id)
