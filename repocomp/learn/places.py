"""Which lines of a repository are replayed: first those of recent commits, where people write, then all others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from repocomp.evaluate.holes import Defined, Hole, HoleKind, Source, sample, sources_of
from repocomp.git_edits import recent_lines
from repocomp.store.index.reader import IndexReader

KINDS: tuple[HoleKind, ...] = ("line", "midline", "api", "chunk")
"""What is hidden, in turn. Whole functions take ten times as long and are seldom written in one go."""
_COMMITS = 50
_BATCH = 40
_RECENT_BATCHES = 40
_BATCHES = 2_000
"""More holes than any run has time for."""


def holes_of(reader: IndexReader, root: Path, seed: int) -> Iterator[Hole]:
    """Holes without end, in an order that follows from the index, git and `seed`; none where there is no source."""
    sources, defined = sources_of(reader)
    written = recent_lines(root, _COMMITS)
    recent = [source for source in sources if source.document.path in written]
    seen: set[str] = set()
    for batch in range(_BATCHES):
        is_recent = batch < _RECENT_BATCHES
        rng = np.random.default_rng([seed, batch])
        for hole in _batch(recent if is_recent else sources, defined, rng):
            name = hole_name(hole)
            if name not in seen and (not is_recent or _is_recent(hole, written)):
                seen.add(name)
                yield hole


def hole_name(hole: Hole) -> str:
    """A name for a hole in this content of its file."""
    digest = hashlib.blake2b(hole.document.data, digest_size=8)
    digest.update(f"{hole.document.path}\0{hole.start}\0{hole.end}\0{hole.kind}".encode())
    return digest.hexdigest()


def _batch(sources: Sequence[Source], defined: Defined, rng: np.random.Generator) -> list[Hole]:
    return sample(sources, defined, KINDS, _BATCH, rng)


def _is_recent(hole: Hole, written: Mapping[str, set[int]]) -> bool:
    return hole.document.at_offset(hole.start).line in written[hole.document.path]
