"""Rows of tokens as a run reads them: from shards, in order, over and over, one shard in memory.

What follows `<decide>` is not learnt here: labels teach it. Shards that arrive while a run reads are read when it comes
to them, so that a run can begin with the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from repocomp.model.families import FimTokens
from repocomp.train.corpus.rows import Ids, read_shard, shards
from repocomp.train.lm.network import IGNORED


class Rows:
    """The rows of one split and length. `place` is the shard and the row in it that is read next."""

    def __init__(self, folder: Path, split: str, tokens: int, place: Sequence[int] = (0, 0)) -> None:
        """Open the shards. Raises TrainError when there are none, or when one is damaged."""
        self._source = (folder, split, tokens)
        self._reader = ThreadPoolExecutor(1)
        found = shards(*self._source)
        self._shard, self._row = place[0] % len(found), place[1]
        self._ids = read_shard(found[self._shard])
        self._next: tuple[int, Future[Ids]] | None = None

    @property
    def place(self) -> list[int]:
        """Where to go on."""
        return [self._shard, self._row]

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets [size, T] of the next rows."""
        parts: list[Ids] = []
        while (missing := size - sum(map(len, parts))) > 0:
            if self._row >= len(self._ids):
                self._turn()
            parts.append(self._ids[self._row : self._row + missing])
            self._row += len(parts[-1])
            if self._next is None and 2 * self._row > len(self._ids):
                self._look_ahead()
        return as_batch(np.concatenate(parts))

    def peek(self, size: int) -> Ids:
        """Rows like the next ones, of the shard in memory, as often as it takes to make `size` of them."""
        return self._ids[np.arange(size) % len(self._ids)]

    def _look_ahead(self) -> None:
        """Begin to read the next shard, half a shard before it is wanted."""
        found = shards(*self._source)
        number = (self._shard + 1) % len(found)
        self._next = number, self._reader.submit(read_shard, found[number])

    def _turn(self) -> None:
        if self._next is None:
            self._look_ahead()
        assert self._next is not None
        number, read = self._next
        self._shard, self._row, self._ids, self._next = number, 0, read.result(), None


def as_batch(rows: Ids) -> tuple[Tensor, Tensor]:
    """Inputs and targets [N, T] of rows [N, T + 1]."""
    ids = torch.from_numpy(rows.astype(np.int64))
    inputs = ids[:, :-1].contiguous()
    targets = ids[:, 1:].clone()
    targets[inputs == FimTokens().decide] = IGNORED
    return inputs, targets
