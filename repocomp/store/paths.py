"""Where an index lies: in the user's cache, never in the work tree."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def cache_home() -> Path:
    """`$XDG_CACHE_HOME`, or its default; `%LOCALAPPDATA%` on Windows."""
    named = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(named) if named and Path(named).is_absolute() else Path.home() / ".cache"


def index_path(root: Path) -> Path:
    """The database of the work tree at `root`: `<cache>/repocomp/<digest of its real path>/index.db`."""
    digest = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=10).hexdigest()
    return cache_home() / "repocomp" / digest / "index.db"
