"""A circuit breaker: a server that failed is left alone for a while, twice as long each time, and then tried once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from repocomp.errors import GeneratorError

_FIRST_S, _LONGEST_S = 5.0, 300.0
_SLOW_TIMES = 3
"""A deadline may be too short for one long prompt; so many in a row say that the server is."""


@dataclass(slots=True)
class Breaker:
    """For one server. `clock` gives seconds."""

    clock: Callable[[], float] = time.monotonic
    until: float = 0.0
    fault: GeneratorError | None = None
    failures: int = 0
    slow: int = 0

    def check(self) -> None:
        """Raise what was wrong last while the server is left alone."""
        left = self.until - self.clock()
        if self.fault is not None and left > 0:
            raise GeneratorError(f"{self.fault.message} (asked again in {left:.0f} s)", self.fault.hint)

    def failed(self, fault: GeneratorError) -> None:
        """Leave it alone from now on."""
        self.until = self.clock() + min(_LONGEST_S, _FIRST_S * 2**self.failures)
        self.failures, self.fault = min(self.failures + 1, 10), fault

    def was_slow(self, fault: GeneratorError) -> None:
        """Nothing came before the deadline."""
        self.slow += 1
        if self.slow >= _SLOW_TIMES:
            self.slow = 0
            self.failed(fault)

    def worked(self) -> None:
        """It answers."""
        self.failures = self.slow = 0
        self.fault = None
