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

    `harm_avoided` is the share of the holes that reading harms in which the answer is no worse than without: nothing or
    less was read, or the first draft won.
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
        spared = np.array([case.shipped.similarity >= case.without.similarity for case in cases])
        first = np.array([pair.is_first_kept for pair in pairs])
        avoided = float(spared[harmed].mean()) if harmed.any() else 0.0
        return cls(*(round(100 * float(share), 2) for share in (first.mean(), read.mean(), avoided)))
