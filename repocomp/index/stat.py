"""Whether a file is the one that was read, told by what the file system says of it."""

from __future__ import annotations

import os
from pathlib import Path

from repocomp.index.walk import Found
from repocomp.store.index.contents import KnownFile

_RACY_NS = 2_000_000_000
"""A file changed this shortly before it was read may change again within its time stamp's resolution."""


def stamp_of(path: str) -> str:
    """What changes with a file even where its size and time stamp were set back: time of change and number."""
    try:
        status = os.lstat(path)
    except OSError:
        return ""
    return f"{status.st_ctime_ns}:{status.st_ino}"


def is_same(root: Path, found: Found, before: KnownFile) -> bool:
    """Whether the file `found` below `root` looks as it did when it was read."""
    if found.skipped is not None:
        return before.skipped == found.skipped
    stat = (before.size, before.mtime_ns)
    return stat == (found.size, found.mtime_ns) and before.stamp == stamp_of(f"{root}/{found.path}")


def is_unchanged(root: Path, found: Found, before: KnownFile) -> bool:
    """Whether the file `found` below `root` need not be read again."""
    is_settled = found.skipped is not None or before.mtime_ns < before.seen_ns - _RACY_NS
    return is_settled and is_same(root, found, before)
