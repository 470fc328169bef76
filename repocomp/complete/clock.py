"""Where the time of one completion goes, and how much of it there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from repocomp.budget import Budget
from repocomp.request import Timings


@dataclass(slots=True)
class Clock:
    """Milliseconds by step since `start` (`time.monotonic` seconds), and the budget that the work has."""

    start: float
    budget: Budget
    spent: dict[str, float] = field(default_factory=dict)
    last: float = 0.0

    @classmethod
    def starting(cls, deadline_ms: float | None, is_cancelled: Callable[[], bool] | None = None) -> Clock:
        """Begin now, with `deadline_ms` to go."""
        now = time.monotonic()
        return cls(now, Budget.starting(now, deadline_ms, is_cancelled), {}, now)

    def lap(self, step: str) -> None:
        """Count the time since the last lap towards `step`, a field of `Timings`."""
        now = time.monotonic()
        self.spent[step] = self.spent.get(step, 0.0) + (now - self.last) * 1000
        self.last = now

    def add(self, spent_ms: Mapping[str, float]) -> None:
        """Count what a step has measured by itself since the last lap."""
        for step, ms in spent_ms.items():
            self.spent[step] = self.spent.get(step, 0.0) + ms
        self.last = time.monotonic()

    def timings(self) -> Timings:
        """What was counted, and the time since the start."""
        rounded = {step: round(ms, 3) for step, ms in self.spent.items()}
        return Timings(total=round((time.monotonic() - self.start) * 1000, 3), **rounded)
