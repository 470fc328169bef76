"""Which files change together: read from the last commits when an index is brought up to date.

Bounded on every side: so many commits, none that touches half the repository, so many companions a file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from repocomp import git
from repocomp.store.connect import Connection
from repocomp.store.index.facts import HISTORY, fact, replace_companions

_COMMITS = 1000
_MOST_FILES = 20
"""A commit that touches more is a reformatting or an import of foreign code: it ties nothing together."""
_COMPANIONS = 8


def update_history(connection: Connection, root: Path) -> None:
    """Read the history again where the commit has changed since; nothing without git."""
    answer = git.run(root, "rev-parse", "HEAD")
    head = None if answer is None else answer.decode().strip()
    if head is None or head == fact(connection, HISTORY):
        return
    rows = companions(commit for commit in git.changes(root, _COMMITS) if len(commit) <= _MOST_FILES)
    replace_companions(connection, head, rows)


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
