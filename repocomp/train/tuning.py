"""Fitting an added pack to code that lies here: how far it trusts text that was said before.

The weights stay as they are. A model that somebody else trained has never met the n-gram cache; how far the two are
mixed is fitted to holes of the repositories that are named, and a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from repocomp import directories
from repocomp.errors import PackError
from repocomp.executor.journal import Journal
from repocomp.generate.local.generator import load
from repocomp.index.build import readable
from repocomp.model.library import built_in_packs, revise
from repocomp.model.pack import ALONE, MODEL, Pack
from repocomp.progress import OnProgress
from repocomp.train.lm.mix import choose_mixture
from repocomp.train.repository import Repository

Clock = Callable[[], float]


def tune(
    name: str,
    trees: Sequence[Path],
    *,
    holes_each: int,
    seconds: float,
    show: OnProgress,
    clock: Clock = time.monotonic,
) -> dict[str, Any]:
    """Fit the mixture of the pack `name` to holes of `trees` within `seconds`, and write it into the pack.

    Returns what was found: tokens read, bits per token without and with the cache, edit similarity by trust. Raises
    PackError for a pack that ships with the package, and TrainError where there is nothing to complete.
    """
    if name in built_in_packs():
        raise PackError(f"the pack {name!r} ships tuned", "tune one that was added: repocomp model list")
    started = clock()
    loaded = load(name)
    untuned = replace(loaded, pack=replace(loaded.pack, cache=ALONE))
    repositories = [Repository(str(tree), list(readable(tree))) for tree in trees]
    journal = Journal(_path(untuned.pack, repositories))
    chosen = choose_mixture(
        repositories, untuned, holes_each, show, journal, time_spent=lambda: (clock() - started) / seconds
    )
    revise(replace(loaded.pack, cache=chosen.mixture))
    journal.forget()
    fit = chosen.fit
    similarity = {"alone" if trust is None else f"{trust:g}": value for trust, value in chosen.trust.items()}
    return {
        "tokens": fit.tokens,
        "bits": {"alone": fit.bits_alone, "mixed": fit.bits_mixed},
        "similarity": similarity,
        "mixed": chosen.mixture != ALONE,
    }


def _path(pack: Pack, repositories: Sequence[Repository]) -> Path:
    """Where the journal of a run with this model on this code are kept."""
    digest = hashlib.blake2b(pack.digests[MODEL].encode(), digest_size=10)
    for repository in repositories:
        for path, data in repository.files:
            digest.update(path.encode(errors="surrogateescape") + b"\0" + hashlib.blake2b(data, digest_size=8).digest())
    return directories.cache() / "tuning" / f"{digest.hexdigest()}.jsonl"
