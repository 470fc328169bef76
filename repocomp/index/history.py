"""Which files change together: read from the last commits when an index is brought up to date.

Bounded on every side: so many commits, none that touches half the repository, so many companions a file.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from repocomp import git
from repocomp.index.write import remember
from repocomp.store.connect import transaction

_COMMITS = 1000
_MOST_FILES = 20
"""A commit that touches more is a reformatting or an import of foreign code: it ties nothing together."""
_COMPANIONS = 8
_HEAD = "history"


def update_history(connection: sqlite3.Connection, root: Path) -> None:
    """Read the history again where the commit has changed since; nothing without git."""
    head = git.run(root, "rev-parse", "HEAD")
    known = connection.execute("SELECT value FROM meta WHERE key = ?", (_HEAD,)).fetchone()
    if head is None or (known is not None and known[0] == head.decode().strip()):
        return
    files = {path for (path,) in connection.execute("SELECT path FROM file WHERE content_id IS NOT NULL")}
    rows = companions(commit for commit in git.changes(root, _COMMITS) if len(commit) <= _MOST_FILES)
    with transaction(connection):
        connection.execute("DELETE FROM together")
        connection.executemany(
            "INSERT INTO together VALUES (?, ?, ?)", (row for row in rows if row[0] in files and row[1] in files)
        )
        remember(connection, _HEAD, head.decode().strip())


def companions(commits: Iterator[Sequence[str]]) -> list[tuple[str, str, float]]:
    """(path, other, weight), the heaviest few of each path: a commit of n files ties each pair by 1 / (n - 1)."""
    ties: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for paths in commits:
        for path in paths:
            for other in paths:
                if other != path:
                    ties[path][other] += 1 / (len(paths) - 1)
    return [
        (path, other, round(weight, 4))
        for path, others in sorted(ties.items())
        for other, weight in sorted(others.items(), key=lambda item: (-item[1], item[0]))[:_COMPANIONS]
    ]
