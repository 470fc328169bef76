"""Writing what contents define and use: the tables `symbol` and `reference`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter

import numpy as np

from repocomp.store.connect import Connection
from repocomp.store.index.rows import PLACE, Symbol

_columns = attrgetter(*(field.name for field in fields(Symbol)))


def add_symbols(connection: Connection, symbols: Iterable[Symbol]) -> None:
    """Add definitions."""
    connection.executemany("INSERT INTO symbol VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_columns, symbols))


def add_references(connection: Connection, rows: Iterable[tuple[str, int, Sequence[int]]]) -> None:
    """Add uses as (name, content, lines in ascending order)."""
    connection.executemany(
        "INSERT INTO reference VALUES (?, ?, ?)",
        ((name, content, np.array(lines, dtype=PLACE).tobytes()) for name, content, lines in rows),
    )
