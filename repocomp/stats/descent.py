"""Minimising a smooth function of many numbers by its gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FIRST, _SECOND = 0.9, 0.999
_TINY = 1e-8


def adam(slope: Callable[[Floats], Floats], start: Floats, steps: int, rate: float) -> Floats:
    """The point [n] that `steps` of Adam (Kingma and Ba 2015) reach from `start` [n] down the gradient `slope`."""
    point = start.astype(np.float64)
    first, second = np.zeros_like(point), np.zeros_like(point)
    for step in range(1, steps + 1):
        gradient = slope(point)
        first = _FIRST * first + (1 - _FIRST) * gradient
        second = _SECOND * second + (1 - _SECOND) * gradient**2
        size = np.sqrt(second / (1 - _SECOND**step)) + _TINY
        point = point - rate * first / (1 - _FIRST**step) / size
    return point
