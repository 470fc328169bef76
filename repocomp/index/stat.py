"""Whether a file is the one that was read, told by what the file system says of it."""

from __future__ import annotations

from repocomp.index.walk import Found
from repocomp.store.index.contents import KnownFile

_RACY_NS = 2_000_000_000
"""A file changed this shortly before it was read may change again within its time stamp's resolution."""


def is_same(found: Found, before: KnownFile) -> bool:
    """Whether the file `found` looks as it did when it was read."""
    if found.skipped is not None:
        return before.skipped == found.skipped
    return (before.size, before.mtime_ns, before.stamp) == (found.size, found.mtime_ns, found.stamp)


def is_unchanged(found: Found, before: KnownFile) -> bool:
    """Whether the file `found` need not be read again."""
    is_settled = found.skipped is not None or before.mtime_ns < before.seen_ns - _RACY_NS
    return is_settled and is_same(found, before)
