"""Families of fill-in-the-middle tokens: which ids frame a prompt, and which of them may be an answer."""

from __future__ import annotations

from dataclasses import dataclass, fields

FAMILY = "repocomp-1"
"""The family of our own packs. A pack of another family needs a newer version."""


@dataclass(frozen=True, slots=True)
class FimTokens:
    """Ids of the control tokens. They are inserted as integers, never parsed from text."""

    end: int = 0
    prefix: int = 1
    suffix: int = 2
    middle: int = 3
    decide: int = 4
    cc: int = 5
    file: int = 6
    pad: int = 7

    @property
    def all(self) -> tuple[int, ...]:
        """Every control token."""
        return tuple(getattr(self, item.name) for item in fields(self))

    @property
    def banned(self) -> tuple[int, ...]:
        """Control tokens that are never an answer: all but `end`."""
        return tuple(token for token in self.all if token != self.end)
