"""How long one piece of work may take, as a single value that every layer passes on and none takes apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Reason = Literal["deadline", "cancelled"]


class BudgetSpent(Exception):
    """Work was given up between two steps: `reason` says why. What was done so far is valid."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Budget:
    """Work goes on until `deadline` (a `time.monotonic` moment in seconds; None: no limit) or until it is cancelled.

    `is_cancelled` is asked between two steps of the work, about every 20 ms, and must be quick.
    """

    deadline: float | None = None
    is_cancelled: Callable[[], bool] | None = None

    @classmethod
    def starting(cls, now: float, ms: float | None, is_cancelled: Callable[[], bool] | None = None) -> Budget:
        """A budget of so many milliseconds from the moment `now`."""
        return cls(None if ms is None else now + ms / 1000, is_cancelled)

    @property
    def spent(self) -> Reason | None:
        """Why the work should end now; None while it may go on."""
        if self.is_cancelled is not None and self.is_cancelled():
            return "cancelled"
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return "deadline"
        return None

    def check(self) -> None:
        """Raise BudgetSpent once the work should end."""
        if (reason := self.spent) is not None:
            raise BudgetSpent(reason)


UNLIMITED = Budget()
"""As long as it takes."""
