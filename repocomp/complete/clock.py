"""Where the time of one completion goes, and when it is up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from repocomp.request import Timings


@dataclass(slots=True)
class Clock:
    """Milliseconds by step. `deadline` is a `time.monotonic` moment in seconds, or None."""

    start: float
    deadline: float | None
    spent: dict[str, float] = field(default_factory=dict)
    last: float = 0.0

    @classmethod
    def starting(cls, deadline_ms: float | None) -> Clock:
        """Begin now, with `deadline_ms` to go."""
        now = time.monotonic()
        return cls(now, None if deadline_ms is None else now + deadline_ms / 1000, {}, now)

    @property
    def is_up(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def lap(self, step: str) -> None:
        """Count the time since the last lap towards `step`, a field of `Timings`."""
        now = time.monotonic()
        self.spent[step] = self.spent.get(step, 0.0) + (now - self.last) * 1000
        self.last = now

    def timings(self) -> Timings:
        """What was counted, and the time since the start."""
        rounded = {step: round(ms, 3) for step, ms in self.spent.items()}
        return Timings(total=round((time.monotonic() - self.start) * 1000, 3), **rounded)
