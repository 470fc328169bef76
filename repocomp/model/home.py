"""Where packs that were added lie, and what is remembered of files that were digested once."""

from __future__ import annotations

import os
from pathlib import Path


def packs_folder() -> Path:
    """`$XDG_DATA_HOME/repocomp/packs`: packs are precious, so they lie outside the cache."""
    return _home("XDG_DATA_HOME", ".local/share") / "repocomp" / "packs"


def checked_folder() -> Path:
    """`$XDG_CACHE_HOME/repocomp/checked`: safe to remove; the files are then digested once more."""
    return _home("XDG_CACHE_HOME", ".cache") / "repocomp" / "checked"


def downloads_folder() -> Path:
    """`$XDG_CACHE_HOME/repocomp/downloads`: what of a file has arrived; safe to remove."""
    return _home("XDG_CACHE_HOME", ".cache") / "repocomp" / "downloads"


def _home(variable: str, otherwise: str) -> Path:
    """A relative path in the variable is ignored, as the XDG specification says."""
    named = os.environ.get(variable) or os.environ.get("LOCALAPPDATA")
    return Path(named) if named and Path(named).is_absolute() else Path.home() / otherwise
