"""Where packs that were added lie, and what is remembered of files that were digested once."""

from __future__ import annotations

from pathlib import Path

from repocomp import directories


def packs_folder() -> Path:
    """`$XDG_DATA_HOME/repocomp/packs`: packs are precious, so they lie outside the cache."""
    return directories.data() / "packs"


def checked_folder() -> Path:
    """`$XDG_CACHE_HOME/repocomp/checked`: safe to remove; the files are then digested once more."""
    return directories.cache() / "checked"


def downloads_folder() -> Path:
    """`$XDG_CACHE_HOME/repocomp/downloads`: what of a file has arrived; safe to remove."""
    return directories.cache() / "downloads"
