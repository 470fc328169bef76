"""How the work tree differs from its commit, found without git reading files: that would run the filters it names."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from repocomp import git, tree
from repocomp.git_process import LONG_S

_LINK, _SUBMODULE = "120000", "160000"
_MOST_BLOB_BYTES = 1 << 26


def revision(root: Path) -> str | None:
    """The commit that the work tree stands on, ending in "-dirty" where files differ from it; None without one."""
    head = git.commit_of(root)
    if head is None:
        return None
    is_clean = git.run(root, "diff-index", "--cached", "--quiet", "--ignore-submodules=all", head) is not None
    return head if is_clean and not edited(root) else f"{head}-dirty"


def recent_lines(root: Path, commits: int) -> dict[str, set[int]]:
    """The lines (from 1) of files as they stand that the last `commits` commits, or nobody yet, wrote; by path."""
    listed = git.run(root, "rev-list", "--first-parent", f"-n{commits + 1}", "HEAD", timeout_s=LONG_S) or b""
    if not listed:
        return {}
    found: dict[str, set[int]] = {}
    for path, number, _ in git.added_between(root, listed.decode().split()[-1], "HEAD"):
        found.setdefault(path, set()).add(number)
    for path in edited(root):
        found[path] = _numbers_now(root, path, found.get(path, set()))
    return {path: numbers for path, numbers in found.items() if numbers}


def edited(root: Path) -> list[str]:
    """Tracked paths whose file differs from what git's index holds, found without git, which would run filters."""
    edited = []
    for record in (git.run(root, "ls-files", "-s", "-t", "-z", timeout_s=LONG_S) or b"").split(b"\0"):
        head, _, name = record.partition(b"\t")
        tag, mode, digest, _ = head.decode().split() if name else ("", "", "", "")
        # Submodules have states of their own, and what a sparse checkout leaves out is not there.
        if name and mode != _SUBMODULE and tag != "S" and not _is_same(root, os.fsdecode(name), mode, digest):
            edited.append(os.fsdecode(name))
    return [path for path in edited if not _has_filter(root, path)]


def _is_same(root: Path, path: str, mode: str, digest: str) -> bool:
    """Whether the file at `path` is the object `digest`; line ends do not count."""
    try:
        if mode == _LINK:
            data = os.fsencode(os.readlink(root / path))
        else:
            data = tree.read(root, path, _MOST_BLOB_BYTES)
    except OSError:
        return False
    return digest in (_object_name(data, len(digest)), _object_name(data.replace(b"\r\n", b"\n"), len(digest)))


def _object_name(data: bytes, length: int) -> str:
    import hashlib

    hashed = hashlib.sha1 if length == 40 else hashlib.sha256
    return hashed(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _has_filter(root: Path, path: str) -> bool:
    """Whether a filter stands between the file and the object: it alone could say whether they are the same."""
    answer = git.run(root, "check-attr", "-z", "--stdin", "filter", stdin=os.fsencode(path) + b"\0") or b""
    return answer.split(b"\0")[2:3] not in ([], [b"unspecified"], [b"unset"])


def _numbers_now(root: Path, path: str, recent: set[int]) -> set[int]:
    """The numbers of lines of the edited file that the commit lacks, or holds as one of its `recent` lines."""
    try:
        now = tree.read(root, path, _MOST_BLOB_BYTES).split(b"\n")
    except OSError:
        return set()
    committed = (git.blob(root, "HEAD", path) or b"").split(b"\n")
    old = Counter(line for number, line in enumerate(committed, 1) if number not in recent)
    numbers = set()
    for number, line in enumerate(now, 1):
        if old[line] > 0:
            old[line] -= 1
        elif number < len(now) or line:
            numbers.add(number)
    return numbers
