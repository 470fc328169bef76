"""Which work tree a path belongs to: git's, else the nearest folder above that has an index."""

from __future__ import annotations

from pathlib import Path

from repocomp.git import work_tree
from repocomp.store.paths import index_path
from repocomp.tree import real


def root_of(path: Path) -> Path | None:
    """The work tree of a file, or None when it lies in no repository and in no indexed folder."""
    top = work_tree(path)
    if top is not None:
        return top
    return next((folder for folder in real(path).parents if index_path(folder).exists()), None)
