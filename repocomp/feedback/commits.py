"""What of each completion stands in the commits that follow it.

The definition. A completion is measured at every commit made within seven days in the work tree it was asked in, if the
commit changes its file (a renamed file is the same file) and stands on the completion's *anchor*. The anchor is the
commit the work tree stood on when it was asked, and moves to each commit in which at least half of it stands. So a fix
on another branch in between says nothing, nor does a commit that somebody else made elsewhere. A commit that takes the
place of a measured one (amend, rebase, reset) is measured in its stead, and one that amends the anchor is measured like
a commit made on it. The last measurement counts; one of a commit that was thrown away stays.

Fast-forward merges change no file here; a merge is measured like any commit, against its first parent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from repocomp import git
from repocomp.feedback.marks import Marks, visible_chars
from repocomp.feedback.persistence import Text, kept_chars
from repocomp.languages.table import language_of
from repocomp.store.connect import Connection
from repocomp.store.feedback.reports import GitEvent, add_committed, add_rewrites, rewrites, standing
from repocomp.store.feedback.rows import Impression, Persistence, add_persistence, fact, impressions, persistences

COMMIT = "commit"
"""The moment of a measurement in a commit."""
WINDOW_MS = 7 * 86_400_000
_BULK_LINES = 20_000
"""A commit that adds more lines than this brings code in; nobody wrote it."""


def take_in(connection: Connection, root: Path, event: GitEvent) -> int:
    """Measure what a report of git's hooks asks for; returns the number of measurements. One report can be repeated."""
    if event.kind == "post-rewrite":
        return _rewritten(connection, root, event)
    if event.kind == "post-commit" or (event.kind == "post-merge" and len(git.parents(root, event.head)) > 1):
        _add_size(connection, root, event.head, event.at_ms)
        again = _committed_again(connection, root, event)
        return again + _measure(_Ledger(connection, root, event), event.head)
    return 0


@dataclass(frozen=True)
class _Ledger:
    """What is known while one report is taken in."""

    connection: Connection
    root: Path
    event: GitEvent

    @cached_property
    def salt(self) -> bytes:
        return fact(self.connection, "salt") or b""

    @cached_property
    def rewrites(self) -> Mapping[str, str]:
        return rewrites(self.connection)

    @cached_property
    def open(self) -> list[tuple[Impression, list[Persistence]]]:
        """Completions that may still be measured, with their measurements in commits, oldest first."""
        since = self.event.at_ms - WINDOW_MS
        rows = impressions(self.connection, "tree = ? AND chars > 0 AND last_ms > ?", (self.event.tree, since))
        found = persistences(self.connection, rows)
        return [(row, [item for item in found.get(row.id, ()) if item.moment == COMMIT]) for row in rows]

    def anchor(self, row: Impression, measured: list[Persistence]) -> str | None:
        """The commit that a later one has to stand on."""
        held = [item.commit_id for item in measured if item.is_held]
        anchor = held[-1] if held else row.base
        return None if anchor is None else standing(anchor, self.rewrites)

    def add(self, row: Impression, commit: str, path: str, text: Text | None) -> int:
        marks = Marks.from_json(row.marks)
        kept = kept_chars(marks, text) if text is not None else 0
        entry = Persistence(0, row.id, COMMIT, commit, path, self.event.at_ms, kept, marks.chars)
        return add_persistence(self.connection, entry)

    def text(self, commit: str, path: str) -> Text | None:
        data = git.blob(self.root, commit, path)
        return None if data is None else Text(data, self.salt, path)


def _measure(ledger: _Ledger, commit: str) -> int:
    changed = git.changed_paths(ledger.root, commit)
    stands_on: dict[str | None, bool] = {None: True}
    texts: dict[str, Text | None] = {}
    count = 0
    for row, measured in ledger.open:
        path = measured[-1].path if measured else row.path
        if path not in changed:
            continue
        anchor = ledger.anchor(row, measured)
        if anchor not in stands_on:
            stands_on[anchor] = anchor != commit and git.is_ancestor(ledger.root, anchor or "", commit)
        if stands_on[anchor]:
            now = changed[path] or path
            if now not in texts:
                texts[now] = ledger.text(commit, now) if changed[path] is not None else None
            count += ledger.add(row, commit, now, texts[now])
    return count


def _rewritten(connection: Connection, root: Path, event: GitEvent) -> int:
    add_rewrites(connection, event.rewrites)
    for new in dict.fromkeys(event.rewrites.values()):
        _add_size(connection, root, new, event.at_ms)
    ledger = _Ledger(connection, root, event)
    count = 0
    for row, measured in ledger.open:
        if measured and measured[-1].commit_id in event.rewrites:
            new = standing(measured[-1].commit_id, ledger.rewrites)
            path = _path_in(root, new, measured[-1].path)
            count += ledger.add(row, new, path, ledger.text(new, path))
    return count + sum(_amended(ledger, old, new) for old, new in event.rewrites.items())


def _committed_again(connection: Connection, root: Path, event: GitEvent) -> int:
    """Where a branch was reset to commit the same work anew, the new commit takes the place of those it was reset past.

    No hook tells of that, and a reset may throw work away as well: most of what was changed must be changed again.
    """
    old = git.taken_back(root, event.head)
    if not old:
        return 0
    base = git.parents(root, event.head)[0]
    before, now = git.changed_between(root, base, old[0]), git.changed_between(root, base, event.head)
    if 2 * len(before.keys() & now.keys()) <= len(before):
        return 0
    return _rewritten(connection, root, replace(event, rewrites=dict.fromkeys(old, event.head)))


def _amended(ledger: _Ledger, old: str, new: str) -> int:
    """Measure completions that were asked on `old` in `new`, where it holds more than that did.

    After a rebase it stands on something that `old` did not, and what differs was not written here.
    """
    earlier = {before: after for before, after in ledger.rewrites.items() if before not in ledger.event.rewrites}
    asked = [row for row, measured in ledger.open if not measured and standing(row.base or "", earlier) == old]
    if not asked or not all(git.is_ancestor(ledger.root, parent, old) for parent in git.parents(ledger.root, new)):
        return 0
    changed = git.changed_between(ledger.root, old, new)
    count = 0
    for row in asked:
        if row.path in changed:
            now = changed[row.path]
            count += ledger.add(row, new, now or row.path, None if now is None else ledger.text(new, now))
    return count


def _path_in(root: Path, commit: str, path: str) -> str:
    """The name of a file after a commit that may have renamed it."""
    return git.changed_paths(root, commit).get(path) or path


def _add_size(connection: Connection, root: Path, commit: str, at_ms: int) -> None:
    """Remember what a commit adds; a merge adds what its other parent brought, which was counted there."""
    if len(git.parents(root, commit)) < 2:
        add_committed(connection, commit, at_ms, Counter(dict(_sizes(root, commit))))


def _sizes(root: Path, commit: str) -> Iterator[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for path, line in git.added_lines(root, commit, _BULK_LINES):
        counts[language_of(path)] += visible_chars(line)
    yield from counts.items()
