"""Where databases lie: an index in the user's cache, feedback with the user's data, nothing in the work tree."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from repocomp import directories
from repocomp.tree import real


def index_path(root: Path) -> Path:
    """The database of the work tree at `root`: `<cache>/<digest of its real path>/index.db`."""
    return directories.cache() / path_digest(root) / "index.db"


def index_paths() -> list[Path]:
    """Every index of this user, sorted."""
    return sorted(directories.cache().glob("*/index.db"))


def path_digest(path: Path) -> str:
    """A name for a real path that tells nothing of it."""
    return hashlib.blake2b(os.fsencode(real(path)), digest_size=10).hexdigest()


def feedback_path(identity: str) -> Path:
    """The feedback of the repository `identity`: `<data>/<identity>/feedback.db`."""
    return directories.data() / identity / "feedback.db"


def memory_path(identity: str) -> Path:
    """What the repository `identity` has learned about chunks: `<data>/<identity>/memory.db`."""
    return feedback_path(identity).with_name("memory.db")


def learned_path(identity: str) -> Path:
    """What was learned in the repository `identity`: `<data>/<identity>/learned.json`."""
    return feedback_path(identity).with_name("learned.json")


def confidence_path(identity: str) -> Path:
    """How sure answers are in the repository `identity`: `<data>/<identity>/confidence.json`."""
    return feedback_path(identity).with_name("confidence.json")


def feedback_paths() -> list[Path]:
    """Every feedback database of this user, sorted."""
    return sorted(directories.data().glob("*/feedback.db"))
