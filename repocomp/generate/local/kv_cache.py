"""The tokens whose keys and values a model holds. Rewinding forgets tokens at the end, at no cost.

One sequence serves one place in one file while somebody types there; several are kept for who goes to and fro.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

_CHANCE = 32
"""Tokens that prompts of different files may share at their start: control tokens, an empty suffix, a folder."""


class HasBuffers(Protocol):
    """A model that keeps keys and values in buffers of its own making."""

    def new_buffers(self) -> Any:  # noqa: ANN401  (opaque: only the model that made it looks inside)
        """Room for one sequence."""


class KvCache:
    """One sequence. `tokens` are the ids that stand in `buffers`, whose layout is the model's own affair."""

    def __init__(self, buffers: object) -> None:
        self.buffers = buffers
        self.tokens: list[int] = []
        self._rows: dict[int, Any] = {}

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
        for beyond in [at for at in self._rows if at > length]:
            del self._rows[beyond]

    def remember(self, length: int, row: object) -> None:
        """Hold what was read after the first `length` tokens, for as long as they stand."""
        self._rows[length] = row

    def recall(self, ids: Sequence[int]) -> Any | None:  # noqa: ANN401  (whatever was remembered)
        """What was read after exactly `ids`, where they stand and it is remembered."""
        if len(ids) not in self._rows or self.shared(ids) < len(ids):
            return None
        return self._rows[len(ids)]

    def reuse(self, ids: Sequence[int]) -> int:
        """Rewind to the longest common prefix with `ids`, and say how long it is.

        At least one of `ids` is left to run, since the logits of what is cached are not kept.
        """
        common = max(0, min(self.shared(ids), len(ids) - 1))
        self.truncate(common)
        return common

    def shared(self, ids: Sequence[int]) -> int:
        """Length of the longest common prefix with `ids`."""
        limit = min(self.length, len(ids))
        return next((i for i in range(limit) if self.tokens[i] != ids[i]), limit)


class KvCaches:
    """The sequences of one model, at most `capacity` of them; the one used longest ago makes room for a new one."""

    def __init__(self, model: HasBuffers, capacity: int = 1) -> None:
        self._model, self._capacity = model, capacity
        self._by_use = [KvCache.of(model)]

    def __len__(self) -> int:
        return len(self._by_use)

    @property
    def newest(self) -> KvCache:
        """The sequence used last."""
        return self._by_use[-1]

    def take(self, ids: Sequence[int]) -> KvCache:
        """The sequence that shares most with `ids`, or an empty one where none shares more than chance."""
        best = max(self._by_use, key=lambda cache: cache.shared(ids))
        if best.shared(ids) < min(_CHANCE, len(ids) // 2) and any(cache.length for cache in self._by_use):
            best = KvCache.of(self._model) if len(self) < self._capacity else self._by_use[0]
        self._by_use = [*(cache for cache in self._by_use if cache is not best), best]
        return best

    def shrink(self) -> None:
        """Give back the memory of all sequences but the newest."""
        self._by_use = [self.newest]
