"""Fitting how a pack selects: how sure it is of an answer, and when a generator that it decides for reads.

The weights stay as they are, so this needs neither PyTorch nor onnx.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from repocomp.errors import TrainError
from repocomp.executor.journal import Journal
from repocomp.executor.workers import HERE, Workers
from repocomp.generate.backends import is_pack
from repocomp.model.confidence import CONFIDENCE
from repocomp.model.library import amend, load_pack
from repocomp.model.pairing import PAIRING
from repocomp.progress import OnProgress
from repocomp.train.confidence.fit import fit as fit_confidence
from repocomp.train.confidence.label import judge
from repocomp.train.pairing.fit import fit as fit_pairing
from repocomp.train.pairing.trials import try_out
from repocomp.train.repository import Repository

Clock = Callable[[], float]


def judge_pack(
    pack: str,
    labels: Path,
    repositories: Sequence[Repository],
    *,
    holes: int,
    seed: int,
    show: OnProgress,
    workers: Workers = HERE,
) -> dict[str, Any]:
    """Fit how sure answers of `pack` are to `labels`, which are written first, and write it into the pack."""
    opened = load_pack(pack)
    with workers.executor() as executor:
        verdicts = judge(repositories, pack, labels, holes_each=holes, seed=seed, executor=executor, progress=show)
    found = fit_confidence(verdicts)
    amend(opened, CONFIDENCE, found.to_json().encode())
    return {"threshold": found.threshold, **found.fitted}


def pair_packs(
    pack: str,
    generator: str,
    labels: Path,
    repositories: Sequence[Repository],
    *,
    holes: int,
    seed: int,
    seconds: float,
    show: OnProgress,
    workers: Workers = HERE,
    clock: Clock = time.monotonic,
) -> dict[str, Any]:
    """Fit how `pack` decides for `generator` to trials kept in `labels`, and write that into `pack`.

    Holes are tried for so many `seconds`. Raises TrainError for a pack that does not know how sure it is,
    and for a server that a cluster would ask.
    """
    drafter = load_pack(pack)
    if drafter.confidence is None:
        hint = f"repocomp train confidence {pack} LABELS TREE..."
        raise TrainError(f"the pack {pack!r} does not know how sure it is", hint)
    if workers.cluster is not None and not is_pack(generator):
        raise TrainError("a cluster tries packs; a server is asked from this machine alone", "use --jobs")
    started = clock()
    with workers.executor() as executor:
        trials = try_out(
            repositories,
            pack,
            generator,
            Journal(labels),
            holes_each=holes,
            seed=seed,
            executor=executor,
            progress=show,
            is_over=lambda: clock() - started >= seconds,
        )
    found = fit_pairing(trials, drafter.confidence)
    found = replace(found, fitted={"generator": generator, **found.fitted})
    amend(drafter, PAIRING, found.to_json().encode())
    return {"keep": found.keep, "read_from": found.reading.threshold, **found.fitted}
