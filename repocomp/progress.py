"""How far a long piece of work has come: one value, and one shape of callback, from the index to the trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` things; the `label` says what is being done. A total of 1.0 makes `done` a share (0..1)."""

    done: float
    total: float
    label: str


OnProgress = Callable[[Progress], None]
"""Is told of progress; called often, so it decides itself when to show something."""


def ignore(progress: Progress) -> None:
    """For callers who show nothing."""


def duration(seconds: float) -> str:
    """As in "2 h 5 min", "12 min", "40 s"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
