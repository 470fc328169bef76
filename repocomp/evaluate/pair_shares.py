"""How two packs that answer together shared the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.evaluate.cases import Case
from repocomp.stats.classification import Bools


@dataclass(frozen=True, slots=True)
class PairShares:
    """How two packs shared the work, in percent of all holes: first drafts that were enough, and what was read.

    `harm_avoided` is the share of the holes that reading harms in which nothing was read.
    """

    first_kept: float
    read: float
    harm_avoided: float

    @classmethod
    def of(cls, cases: Sequence[Case], harmed: Bools) -> PairShares | None:
        """Of cases, in some of which reading `harmed` [n]; None where one pack answered."""
        pairs = [case.pair for case in cases if case.pair is not None]
        if len(pairs) < len(cases):
            return None
        read = np.array([pair.has_read for pair in pairs])
        first = np.array([pair.is_first_kept for pair in pairs])
        avoided = float((~read[harmed]).mean()) if harmed.any() else 0.0
        return cls(*(round(100 * float(share), 2) for share in (first.mean(), read.mean(), avoided)))
