"""How the vectors of a segment lie in the database: one row, written with the segment and moved when it is merged."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from repocomp.store.index.rows import LEVEL, SCALE, Vectors

_STAMP_BITS = 62
_PEAK = 127


def write_vectors(connection: sqlite3.Connection, segment: int, dense: npt.NDArray[np.float32]) -> None:
    """Round `dense` [size, d] to 8 bits, each row by its own largest magnitude, and write it. In a transaction."""
    scales = np.maximum(np.abs(dense).max(axis=1, initial=0.0), np.finfo(np.float32).tiny) / _PEAK
    levels = np.rint(dense / scales[:, None])
    _insert(connection, segment, scales.astype(SCALE), levels.astype(LEVEL))


def move_vectors(connection: sqlite3.Connection, kept: Mapping[int, npt.NDArray[np.bool_]], merged: int) -> None:
    """Join the rows that are `kept` [size] of each segment, in this order, as those of the segment `merged`."""
    scales, levels = [], []
    for segment, keep in kept.items():
        row = connection.execute("SELECT scales, levels FROM vector WHERE segment_id = ?", (segment,)).fetchone()
        own = Vectors.of(segment, *row)
        scales.append(own.scales[keep])
        levels.append(own.levels[keep])
        connection.execute("DELETE FROM vector WHERE segment_id = ?", (segment,))
    _insert(connection, merged, np.concatenate(scales), np.concatenate(levels))


def _insert(
    connection: sqlite3.Connection,
    segment: int,
    scales: npt.NDArray[np.float32],
    levels: npt.NDArray[np.int8],
) -> None:
    # Numbers of segments come again; the stamp tells readers what they have from what they have not.
    stamp = secrets.randbits(_STAMP_BITS)
    connection.execute("INSERT INTO vector VALUES (?, ?, ?, ?)", (segment, stamp, scales.tobytes(), levels.tobytes()))
