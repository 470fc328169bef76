"""What we ask git: where the work tree is, and which files belong to it. Git is only read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_TIMEOUT_S = 60


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


def list_files(root: Path) -> list[str] | None:
    """Paths git tracks or would track below `root`, relative and "/" separated; None without git."""
    listed = run(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
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
