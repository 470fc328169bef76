"""Reports of git hooks: queued by every hook, handled in order by one process per work tree.

A rebase or a range of picks starts many processes at once. Each writes its report; one gets the lock and does the work,
the others are done. A process that is killed leaves its reports waiting for the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from repocomp.feedback.commits import take_in
from repocomp.store.connect import Connection, lock
from repocomp.store.feedback.connect import explained, open_feedback
from repocomp.store.feedback.reports import GitEvent, add_git_event, finish, git_events, waiting
from repocomp.store.identity import identify
from repocomp.store.paths import feedback_path, index_path, path_digest


def report(root: Path, kind: str, head: str, rewrites: Mapping[str, str]) -> None:
    """Put what a hook says in line. Raises FeedbackError."""
    path = feedback_path(identify(root).name)
    with closing(open_feedback(path, synced=False)) as connection, explained(path):
        add_git_event(connection, path_digest(root), kind, head, rewrites, time.time_ns() // 1_000_000)


def work(root: Path, afterwards: Callable[[], None]) -> int:
    """Look at all reports of `root` that wait, unless another process does; returns how many.

    `afterwards` runs after each round that found some, under the same lock. Raises FeedbackError.
    """
    path = feedback_path(identify(root).name)
    tree = path_digest(root)
    count = 0
    with closing(open_feedback(path, synced=False)) as connection, explained(path):
        # Who comes while the lock is held leaves: so look again after it was given back.
        while waiting(connection, tree) is not None:
            with lock(index_path(root).with_name("hooks.lock")) as is_held:
                if not is_held:
                    break
                count += _look(connection, root, tree)
                afterwards()
    return count


def reports(root: Path) -> list[GitEvent]:
    """The latest reports of `root` with their state, oldest first. Raises FeedbackError."""
    path = feedback_path(identify(root).name)
    if not path.exists():
        return []
    with closing(open_feedback(path)) as connection, explained(path):
        return git_events(connection, path_digest(root))


def parse_rewrites(text: str) -> dict[str, str]:
    """Old commits with their new ones, from what git writes to a post-rewrite hook."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: row[1] for row in rows if len(row) >= 2}


def _look(connection: Connection, root: Path, tree: str) -> int:
    count = 0
    while (event := waiting(connection, tree)) is not None:
        try:
            take_in(connection, root, event)
        except Exception as error:  # one report that cannot be read must not stop those behind it
            finish(connection, event, f"{type(error).__name__}: {error}")
        else:
            finish(connection, event)
        count += 1
    return count
