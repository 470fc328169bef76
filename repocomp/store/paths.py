"""Where databases lie: an index in the user's cache, feedback with the user's data, nothing in the work tree."""

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
    return cache_home() / "repocomp" / path_digest(root) / "index.db"


def index_paths() -> list[Path]:
    """Every index of this user, sorted."""
    return sorted((cache_home() / "repocomp").glob("*/index.db"))


def path_digest(path: Path) -> str:
    """A name for a real path that tells nothing of it."""
    return hashlib.blake2b(os.fsencode(path.resolve()), digest_size=10).hexdigest()


def data_home() -> Path:
    """`$XDG_DATA_HOME`, or its default; `%LOCALAPPDATA%` on Windows."""
    named = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(named) if named and Path(named).is_absolute() else Path.home() / ".local" / "share"


def feedback_path(identity: str) -> Path:
    """The feedback of the repository `identity`: `<data>/repocomp/<identity>/feedback.db`."""
    return data_home() / "repocomp" / identity / "feedback.db"


def memory_path(identity: str) -> Path:
    """What the repository `identity` has learned about chunks: `<data>/repocomp/<identity>/memory.db`."""
    return feedback_path(identity).with_name("memory.db")


def learned_path(identity: str) -> Path:
    """What was learned in the repository `identity`: `<data>/repocomp/<identity>/learned.json`."""
    return feedback_path(identity).with_name("learned.json")


def feedback_paths() -> list[Path]:
    """Every feedback database of this user, sorted."""
    return sorted((data_home() / "repocomp").glob("*/feedback.db"))
