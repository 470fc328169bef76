"""What an index holds, and how far it lags behind the work tree."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from repocomp.index.stat import is_same
from repocomp.index.walk import walk
from repocomp.store.index.facts import FINISHED
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind
from repocomp.store.paths import index_path


def status(root: Path) -> dict[str, Any]:
    """Facts about the index of `root`. `stale` counts files that changed, came or went since it was made."""
    path = index_path(root)
    facts: dict[str, Any] = {"root": str(root), "path": str(path), "exists": path.exists()}
    reader = IndexReader.open(root)
    if reader is None:
        return facts
    with reader:
        known = reader.files.states()
        finished = reader.fact(FINISHED)
        facts |= reader.stats()
        facts["vectors"] = sum(len(segment.chunks) for segment in reader.segments.all(ChunkKind.ENCODED))
    stale = 0
    for found in walk(root):
        before = known.pop(found.path, None)
        stale += before is None or not is_same(found, before)
    age = None if finished is None else int(time.time()) - int(finished)
    return {**facts, "stale": stale + len(known), "age_seconds": age}
