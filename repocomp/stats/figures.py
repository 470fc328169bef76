"""A figure is a value with its interval, its count and its definition: none is ever shown without the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_Z = 1.959964
_RESAMPLES, _FEWER, _MANY = 1000, 200, 5000
"""Resamples, and how many are enough for more items than `_MANY`."""
_AT_ONCE = 500_000
_SEED = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit` with its 95 % interval, about `n` things; the value is None where there are none."""

    name: str
    definition: str
    unit: Literal["%", "points", "ms"]
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def share(name: str, definition: str, hits: Sequence[bool]) -> Figure:
    """The percentage that is true, with Wilson's score interval (Wilson 1927)."""
    n = len(hits)
    if not n:
        return Figure(name, definition, "%", 0)
    p = sum(hits) / n
    middle, half_width = p + _Z**2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
    scale = 100 / (1 + _Z**2 / n)
    low, high = max(0.0, scale * (middle - half_width)), min(100.0, scale * (middle + half_width))
    return Figure(name, definition, "%", n, round(100 * p, 2), round(low, 2), round(high, 2))


def ratio(name: str, definition: str, parts: Sequence[float], wholes: Sequence[float]) -> Figure:
    """The sum of `parts` in percent of the sum of `wholes`; pairs are resampled for the interval."""
    pairs = np.array([parts, wholes], dtype=np.float64).reshape(2, -1)

    def value(rows: npt.NDArray[np.intp]) -> Floats:
        sums = pairs[:, rows].sum(axis=-1)
        return np.asarray(100 * np.divide(sums[0], sums[1], out=np.full(sums[0].shape, np.nan), where=sums[1] > 0))

    return _bootstrapped(name, definition, "%", pairs.shape[1], value)


def percentile(name: str, definition: str, values: Sequence[float], percent: float) -> Figure:
    """A percentile in milliseconds; values are resampled for the interval."""
    array = np.array(values, dtype=np.float64)
    return _bootstrapped(
        name, definition, "ms", len(array), lambda rows: np.asarray(np.percentile(array[rows], percent, axis=-1))
    )


def difference(
    name: str, definition: str, taken: Sequence[bool], is_treated: Sequence[bool], bands: Sequence[int]
) -> Figure:
    """Points by which the untreated are taken more often than the treated of their band, weighted by the treated.

    Bands that lack either say nothing; `n` counts the treated in the others.
    """
    if not taken:
        return Figure(name, definition, "points", 0)
    hit, treated, band = np.array(taken, float), np.array(is_treated, bool), np.array(bands)
    cell, bands_counted = 2 * band + treated, int(band.max()) + 1

    def value(rows: npt.NDArray[np.intp]) -> Floats:
        return np.array([_difference(hit[row], cell[row], bands_counted) for row in np.atleast_2d(rows)])

    both = {int(b) for b in band[treated]} & {int(b) for b in band[~treated]}
    n = int(np.isin(band[treated], sorted(both)).sum())
    return _bootstrapped(name, definition, "points", n, value, len(hit))


def _difference(hit: Floats, cell: npt.NDArray[np.intp], bands: int) -> float:
    """`cell` is twice the band, plus one for the treated."""
    counts = np.bincount(cell, minlength=2 * bands).reshape(bands, 2)
    hits = np.bincount(cell, hit, minlength=2 * bands).reshape(bands, 2)
    full = counts.min(axis=1) > 0
    if not full.any():
        return math.nan
    rates = hits[full] / counts[full]
    return float(100 * np.average(rates[:, 0] - rates[:, 1], weights=counts[full, 1]))


def _bootstrapped(
    name: str,
    definition: str,
    unit: Literal["%", "points", "ms"],
    n: int,
    value: Callable[[npt.NDArray[np.intp]], Floats],
    items: int | None = None,
) -> Figure:
    """`value` maps rows of item numbers to one figure each; NaN where there is none."""
    size = n if items is None else items
    if not n or not size:
        return Figure(name, definition, unit, 0)
    point = float(np.ravel(value(np.arange(size)))[0])
    if math.isnan(point):
        return Figure(name, definition, unit, 0)
    rng = np.random.default_rng(_SEED)
    left = _RESAMPLES if size <= _MANY else _FEWER
    # As many resamples at once as fit into a few megabytes.
    at_once = max(1, _AT_ONCE // size)
    some = np.concatenate(
        [
            np.ravel(value(rng.integers(size, size=(min(at_once, left - done), size))))
            for done in range(0, left, at_once)
        ]
    )
    low, high = np.nanpercentile(some, [2.5, 97.5])
    return Figure(name, definition, unit, n, round(point, 2), round(float(low), 2), round(float(high), 2))
