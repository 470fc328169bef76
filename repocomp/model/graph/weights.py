"""Where the weights of a model come from: read by rows, so that the largest of them is never in memory as floats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from repocomp.model.shape import ModelShape, weight_shapes

Floats = npt.NDArray[np.float32]

BLOCK = 32
"""Inputs that share a scale where a matrix is quantised in blocks."""
_ROWS = 4096


class Weights(Protocol):
    """Weights by the names of `weight_shapes`."""

    def size(self, name: str) -> tuple[int, ...] | None:
        """Shape of a weight, None where there is none of that name."""

    def rows(self, name: str, start: int, stop: int) -> Floats:
        """Rows [start, stop) of a matrix, or that part of a vector."""

    def block_scales(self, name: str, start: int, stop: int, bits: int) -> Floats | None:
        """Scales [stop - start, in / 32] of rows that are stored as scale times an integer of at most `bits` bits.

        With them the integers can be copied exactly. None where they are stored in another way.
        """


class ArrayWeights:
    """Weights that are in memory."""

    def __init__(self, arrays: Mapping[str, Floats]) -> None:
        self._arrays = arrays

    def size(self, name: str) -> tuple[int, ...] | None:
        """Shape of a weight."""
        return self._arrays[name].shape if name in self._arrays else None

    def rows(self, name: str, start: int, stop: int) -> Floats:
        """A part of a weight."""
        return self._arrays[name][start:stop]

    def block_scales(self, name: str, start: int, stop: int, bits: int) -> Floats | None:
        """None: floats are not stored as integers."""
        return None


def check_weights(weights: Weights, shape: ModelShape) -> None:
    """Raise ValueError where a weight is missing or has another shape."""
    for name, size in weight_shapes(shape).items():
        found = weights.size(name)
        if found != size:
            raise ValueError(f"weight {name} is missing" if found is None else f"weight {name} is {found}, not {size}")


def whole(weights: Weights, name: str) -> Floats:
    """All of a weight."""
    size = weights.size(name)
    if size is None:
        raise ValueError(f"weight {name} is missing")
    return weights.rows(name, 0, size[0])


def blocks_of_rows(weights: Weights, names: Sequence[str]) -> Iterator[tuple[int, str, int, int]]:
    """Cut matrices that stand one above the other: first row of a block in the whole, then name, start and stop."""
    at = 0
    for name in names:
        size = (weights.size(name) or (0,))[0]
        for start in range(0, size, _ROWS):
            stop = min(size, start + _ROWS)
            yield at + start, name, start, stop
        at += size
