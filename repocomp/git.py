"""What we ask git: where the work tree is, and which files belong to it. Git is only read."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_TIMEOUT_S = 60
_HUNK = re.compile(r"@@ -[\d,]+ \+(\d+)(?:,(\d+))? @@")


def run(folder: Path, *arguments: str, stdin: bytes | None = None, timeout_s: float = _TIMEOUT_S) -> bytes | None:
    """Output of `git ARGUMENTS` in `folder`; None where git is missing, fails, says no or takes too long."""
    # Objects that a partial clone lacks are not fetched: nothing leaves the machine.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            # A repository's own configuration may name commands to run; this is the one that listing files obeys.
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=folder,
            input=stdin,
            capture_output=True,
            env=environment,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def work_tree(path: Path) -> Path | None:
    """The top of the work tree that holds `path` (which need not exist), or None outside of any.

    Found by looking for `.git` upwards: a process costs more than the rest of a completion's start.
    """
    for folder in [path.resolve(), *path.resolve().parents]:
        if (folder / ".git").exists():
            return folder
    return None


def revision(root: Path) -> str | None:
    """The commit that the work tree stands on, ending in "-dirty" where files differ from it; None without one."""
    head = run(root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return head.decode().strip() if head is not None else None


def list_files(root: Path, below: Sequence[str] = ()) -> list[str] | None:
    """Paths git tracks or would track below `root`, relative and "/" separated; None without git.

    `below` names the files and folders to look at, instead of all.
    """
    options = ("-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    listed = run(root, "--literal-pathspecs", "ls-files", *options, "--", *below)
    if listed is None:
        return None
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def list_ignored(root: Path) -> list[str]:
    """Untracked paths below `root` that git's own rules leave out; whole folders end with "/"."""
    listed = run(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    return [os.fsdecode(name) for name in (listed or b"").split(b"\0") if name]


def changes(root: Path, limit: int) -> Iterator[list[str]]:
    """The paths that each of the last `limit` commits touches, the latest first; merges left out, none without git."""
    listed = run(root, "log", f"-n{limit}", "--no-merges", "--no-renames", "--name-only", "-z", "--format=%x01")
    for commit in (listed or b"").split(b"\x01")[1:]:
        yield [os.fsdecode(name) for name in commit.strip(b"\0\n").split(b"\0") if name]


def commit_of(root: Path) -> str | None:
    """The full name of the commit that HEAD names; None before the first one, and outside git."""
    found = run(root, "rev-parse", "-q", "--verify", "HEAD^{commit}")
    return found.decode().strip() if found is not None else None


def parents(root: Path, commit: str) -> list[str]:
    """The commits that `commit` stands on; none for a root or an unknown commit."""
    found = run(root, "rev-list", "--parents", "-n", "1", "--end-of-options", commit)
    return found.decode().split()[1:] if found is not None else []


def is_ancestor(root: Path, old: str, new: str) -> bool:
    """Whether `new` stands on `old`, or is it."""
    return run(root, "merge-base", "--is-ancestor", old, new) is not None


def changed_paths(root: Path, commit: str) -> dict[str, str | None]:
    """Each path that `commit` changed against its first parent, with its name there now; None where it is gone."""
    listed = _diff(root, commit, "-r", "-M", "-z", "--name-status") or b""
    fields = iter(os.fsdecode(field) for field in listed.split(b"\0") if field)
    changes: dict[str, str | None] = {}
    for status in fields:
        path = next(fields, "")
        changes[path] = next(fields, None) if status[0] in "RC" else (None if status[0] == "D" else path)
    return changes


def added_lines(root: Path, commit: str, most: int) -> list[tuple[str, str]]:
    """(path, line) for every line that `commit` adds to its first parent; none at all where they are over `most`."""
    counts = (_diff(root, commit, "-r", "-M", "--numstat") or b"").split(b"\n")
    added = sum(int(row.split(b"\t")[0]) for row in counts if row[:1].isdigit())
    if not 0 < added <= most:
        return []
    patch = _diff(root, commit, "-r", "-M", "-p", "-U0", "--no-ext-diff", "--no-textconv", "--no-color") or b""
    lines: list[tuple[str, str]] = []
    path, in_hunk = "", False
    for line in patch.decode(errors="replace").split("\n"):
        if line.startswith("diff --git "):
            in_hunk = False
        elif line.startswith("@@ "):
            in_hunk = True
        elif not in_hunk and line.startswith("+++ "):
            path = line[4:].rstrip("\t").strip('"').removeprefix("b/")
        elif in_hunk and line.startswith("+"):
            lines.append((path, line[1:]))
    return lines


def recent_lines(root: Path, commits: int) -> dict[str, set[int]]:
    """The lines (from 1) of files as they stand that the last `commits` commits, or nobody yet, wrote; by path."""
    listed = run(root, "rev-list", "--first-parent", f"-n{commits + 1}", "HEAD") or b""
    if not listed:
        return {}
    sides = ["-U0", "-M", "--no-ext-diff", "--no-textconv", "--no-color", listed.decode().split()[-1]]
    found: dict[str, set[int]] = {}
    path = ""
    for line in (run(root, "diff", *sides) or b"").decode(errors="replace").split("\n"):
        if line.startswith("+++ "):
            path = line[4:].rstrip("\t").strip('"').removeprefix("b/")
        elif hunk := _HUNK.match(line):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            found.setdefault(path, set()).update(range(start, start + count))
    return found


def blob(root: Path, commit: str, path: str) -> bytes | None:
    """The bytes of `path` in `commit`; None where it holds no such file."""
    return run(root, "cat-file", "blob", f"{commit}:{path}")


def _diff(root: Path, commit: str, *options: str) -> bytes | None:
    before = parents(root, commit)[:1]
    sides = [*before, commit] if before else ["--root", commit]
    return run(root, "diff-tree", "--no-commit-id", *options, *sides)
