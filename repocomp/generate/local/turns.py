"""Where other answers turn off from those that were written: at the second best token of a step, the likeliest first.

Only early steps are turned at: what differs late is the same answer to whoever reads it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from repocomp.generate.local.decode import Step
from repocomp.generate.local.ngram_cache import LEAST

_EARLY_TOKENS = 8
_IMPOSSIBLE = math.log(LEAST)


@dataclass(slots=True)
class Turns:
    """Beginnings of answers that were not written yet. A turn into one of `stop_ids` would only be a shorter answer."""

    stop_ids: Container[int]
    _waiting: list[tuple[float, list[int], list[Step]]] = field(default_factory=list)

    def add(self, steps: Sequence[Step], begun: int) -> None:
        """All turns off an answer of `steps`, after the first `begun` of them, which were turned at before."""
        logprob = sum(step.taken.logprob for step in steps[:begun])
        for at, step in enumerate(steps[begun:_EARLY_TOKENS], begun):
            if step.rival.logprob > _IMPOSSIBLE and step.rival.token not in self.stop_ids:
                turned = [*steps[:at], step.turned]
                # Of equally likely ones the ids decide: the same request gives the same answers.
                order = -(logprob + step.rival.logprob), [one.token for one in turned]
                heapq.heappush(self._waiting, (*order, turned))
            logprob += step.taken.logprob

    def next(self) -> list[Step]:
        """The likeliest beginning; empty where none is left."""
        return heapq.heappop(self._waiting)[-1] if self._waiting else []
