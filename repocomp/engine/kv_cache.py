"""The tokens whose keys and values a model holds. Rewinding forgets tokens at the end, at no cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class HasBuffers(Protocol):
    """A model that keeps keys and values in buffers of its own making."""

    def new_buffers(self) -> Any:  # noqa: ANN401  (opaque: only the model that made it looks inside)
        """Room for one sequence."""


class KvCache:
    """One sequence. `tokens` are the ids that stand in `buffers`, whose layout is the model's own affair."""

    def __init__(self, buffers: object) -> None:
        self.buffers = buffers
        self.tokens: list[int] = []

    @classmethod
    def of(cls, model: HasBuffers) -> KvCache:
        """Make an empty cache for `model`."""
        return cls(model.new_buffers())

    @property
    def length(self) -> int:
        """Number of tokens held."""
        return len(self.tokens)

    def truncate(self, length: int) -> None:
        """Keep the first `length` tokens. A branch begins this way: come back, and run something else."""
        del self.tokens[length:]

    def reuse(self, ids: Sequence[int]) -> int:
        """Rewind to the longest common prefix with `ids`, and say how long it is.

        At least one of `ids` is left to run, since the logits of what is cached are not kept.
        """
        limit = min(self.length, len(ids) - 1)
        common = next((i for i in range(limit) if self.tokens[i] != ids[i]), max(0, limit))
        self.truncate(common)
        return common
