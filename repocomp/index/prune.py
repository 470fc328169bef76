"""Indexes of work trees that are no longer there: what they occupy, and their removal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repocomp.store.index.connect import explained, root_of
from repocomp.store.paths import index_paths


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The folder that holds an index, the work tree it was made of, and what it occupies."""

    folder: Path
    root: Path
    bytes: int


def abandoned() -> Iterator[Abandoned]:
    """The indexes whose work tree is gone. One that does not say what it was made of is not among them."""
    for path in index_paths():
        root = root_of(path)
        if root is not None and not root.is_dir():
            sizes = (file.stat().st_size for file in path.parent.iterdir() if file.is_file())
            yield Abandoned(path.parent, root, sum(sizes))


def prune() -> list[Abandoned]:
    """Remove the indexes whose work tree is gone; returns them. Raises StoreError for one that cannot be removed."""
    found = list(abandoned())
    for index in found:
        with explained(index.folder):
            shutil.rmtree(index.folder)
    return found
