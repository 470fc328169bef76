"""What retrieved chunks were worth, by the keys of the queries they were drawn for: the credits of the arm `memory`.

A database of its own beside the feedback, since it can be learned again: one that is damaged is an empty one. A row
belongs to a chunk's *text*, so it outlives edits elsewhere in the file and rebuilt indexes; `path` says where it stood
last, to find it again. Rows fade with a
half-life of 30 days; rewards are divided by the propensity they were drawn with (self-normalised inverse propensity
scoring, Swaminathan and Joachims 2015), clipped so that one lucky draw cannot outweigh what was predicted.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from repocomp.store.connect import Connection, connect, transaction, write_ahead

HALF_LIFE_S = 30 * 86_400.0
LEAST_PROPENSITY = 0.1
_FORMAT = 1
_CREATE = (
    "CREATE TABLE credit (key TEXT NOT NULL, chunk BLOB NOT NULL, credit REAL NOT NULL, exposure REAL NOT NULL,"
    " at_s REAL NOT NULL, path TEXT NOT NULL, PRIMARY KEY (key, chunk)) WITHOUT ROWID"
)
_ADD = (
    "INSERT INTO credit VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key, chunk) DO UPDATE SET"
    " credit = credit * faded(?5 - at_s) + excluded.credit, exposure = exposure * faded(?5 - at_s) + excluded.exposure,"
    " at_s = max(at_s, excluded.at_s), path = excluded.path"
)


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A chunk was drawn for a query with `key`: it was worth `reward` in 0..1, drawn with `propensity` in (0, 1]."""

    key: str
    chunk: bytes
    reward: float
    path: str
    propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class Credit:
    """What a key knows of a chunk now: summed rewards and draws, both corrected and faded; credit <= exposure."""

    key: str
    chunk: bytes
    credit: float
    exposure: float
    path: str


def chunk_digest(text: str) -> bytes:
    """The name of a chunk by its text [8 bytes], white space folded: an indented copy is the same chunk."""
    return blake2b(" ".join(text.split()).encode(), digest_size=8).digest()


def open_memory(path: Path) -> Connection:
    """Open the memory at `path` for writing; one that is damaged or of another format is begun anew.

    The file is private (0600 in a 0700 folder). Raises sqlite3.OperationalError or OSError when it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    connection = _prepared(path)
    if connection is None:
        erase_memory(path)
        path.touch(mode=0o600)
        connection = _prepared(path)
    if connection is None:
        raise sqlite3.OperationalError(f"{path}: cannot be made")
    return connection


def erase_memory(path: Path) -> None:
    """Remove the memory at `path`, with the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def read_memory(path: Path) -> Connection | None:
    """Open the memory at `path` for reading; None where there is none that can be read."""
    with suppress(sqlite3.Error, OSError):
        if path.exists():
            connection = connect(path, readonly=True, busy_ms=0)
            if _is_ours(connection):
                return connection
            connection.close()
    return None


def add_credits(connection: Connection, rows: Sequence[CreditRow], now_s: float) -> None:
    """Add what was learned at `now_s` (seconds since 1970), all of it or nothing.

    Give every draw, also those that were worth nothing: a reward of 0 is what lowers a chunk.
    `repocomp.retrieve.arms.memory.credit_rows` makes the rows of a hit. Rewards and propensities outside of their range
    are cut to it.
    """
    with transaction(connection):
        connection.executemany(_ADD, [(row.key, row.chunk, *_corrected(row), now_s, row.path) for row in rows])


def read_credits(connection: Connection | None, keys: Sequence[str], now_s: float) -> list[Credit]:
    """What is known by `keys` (a few hundred at most) at `now_s`; nothing where the memory is damaged.

    Rows that `add_credits` cannot have written are left out.
    """
    if connection is None:
        return []
    marks = ",".join("?" * len(keys))
    select = f"SELECT key, chunk, credit, exposure, at_s, path FROM credit WHERE key IN ({marks}) ORDER BY key, chunk"
    try:
        rows = connection.execute(select, tuple(keys)).fetchall()
    except sqlite3.Error:
        return []
    return [
        Credit(key, chunk, credit * _faded(now_s - at_s), exposure * _faded(now_s - at_s), path)
        for key, chunk, credit, exposure, at_s, path in rows
        if isinstance(chunk, bytes) and isinstance(path, str) and _is_sound(credit, exposure, at_s)
    ]


def _corrected(row: CreditRow) -> tuple[float, float]:
    weight = 1 / min(1.0, max(LEAST_PROPENSITY, row.propensity))
    return weight * min(1.0, max(0.0, row.reward)), weight


def _is_sound(credit: object, exposure: object, at_s: object) -> bool:
    numbers = [value for value in (credit, exposure, at_s) if isinstance(value, float) and math.isfinite(value)]
    return len(numbers) == 3 and 0 <= numbers[0] <= numbers[1] * (1 + 1e-9)


def _faded(seconds: float) -> float:
    """The share that is left after `seconds`; a clock that went backwards strengthens nothing."""
    return float(0.5 ** (max(0.0, seconds) / HALF_LIFE_S))


def _prepared(path: Path) -> Connection | None:
    """A writable memory with its table; None when the file is none of ours."""
    connection = connect(path, readonly=False)
    try:
        connection.create_function("faded", 1, _faded, deterministic=True)
        connection.execute("PRAGMA synchronous = NORMAL")
        if _is_empty(connection):
            write_ahead(connection)
            with transaction(connection):
                # Another process may have been first.
                if _is_empty(connection):
                    connection.execute(_CREATE)
                    connection.execute(f"PRAGMA user_version = {_FORMAT}")
        if _is_ours(connection):
            return connection
    except sqlite3.OperationalError:
        connection.close()
        raise
    except sqlite3.DatabaseError:
        pass
    connection.close()
    return None


def _is_empty(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _is_ours(connection: Connection) -> bool:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = connection.execute("SELECT count(*) FROM pragma_table_info('credit')").fetchone()
    return bool(version == _FORMAT and known == (6,))
