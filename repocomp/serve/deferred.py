"""What is to be done later, when nobody waits for it: actions with a time, one of each kind in any ten seconds."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

GRAIN_S = 10.0
"""Actions fall due at whole multiples of this on the clock."""


class DeferredJobs:
    """Actions in waiting. For one thread; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[tuple[Hashable, int], tuple[float, Callable[[], object]]] = {}

    def later(self, seconds: float, kind: Hashable, action: Callable[[], object]) -> None:
        """Do `action` in so many seconds or a few more; of one `kind` that falls due together, the last one given."""
        grain = int((self._clock() + seconds) // GRAIN_S) + 1
        self._due[kind, grain] = grain * GRAIN_S, action

    def rather(self, seconds: float, kind: Hashable, action: Callable[[], object]) -> None:
        """Like `later`, in the place of whatever of this `kind` is in waiting."""
        for key in [key for key in self._due if key[0] == kind]:
            del self._due[key]
        self.later(seconds, kind, action)

    def run_due(self) -> float | None:
        """Do what has fallen due, whatever becomes of it; returns the seconds until more does, None for nothing."""
        now = self._clock()
        for key in [key for key, (moment, _) in self._due.items() if moment <= now]:
            _, action = self._due.pop(key)
            with suppress(Exception):
                action()
        return max(0.0, min(moment for moment, _ in self._due.values()) - self._clock()) if self._due else None

    def next_of(self, items: queue.SimpleQueue[T]) -> T:
        """The next item of a queue; what falls due is done while there is none."""
        while True:
            try:
                return items.get(timeout=self.run_due())
            except queue.Empty:
                continue
