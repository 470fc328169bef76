"""Credits of chunks: summed, corrected, faded; a memory that is damaged or poisoned is an empty one."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from repocomp.store.memory.credits import (
    HALF_LIFE_S,
    LEAST_PROPENSITY,
    CreditRow,
    add_credits,
    chunk_digest,
    open_memory,
    read_credits,
    read_memory,
)

CHUNK = chunk_digest("def a():\n    return 1\n")
NOW = 1_700_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some" / "memory.db"


def added(path: Path, *rows: CreditRow, now_s: float = NOW) -> None:
    connection = open_memory(path)
    add_credits(connection, rows, now_s)
    connection.close()


def known(path: Path, now_s: float = NOW) -> list[tuple[float, float]]:
    connection = read_memory(path)
    found = [(round(one.credit, 6), round(one.exposure, 6)) for one in read_credits(connection, ["k"], now_s)]
    if connection is not None:
        connection.close()
    return found


def test_two_that_begin_a_memory_at_once_lose_nothing(tmp_path: Path) -> None:
    at_once = Barrier(2)

    def begin(path: Path) -> None:
        at_once.wait()
        added(path, CreditRow("k", CHUNK, 1.0, "a.py"))

    with ThreadPoolExecutor(2) as both:
        for number in range(10):
            path = tmp_path / str(number) / "memory.db"
            list(both.map(begin, [path, path]))
            assert known(path) == [(2.0, 2.0)]


def test_draws_add_up_and_are_divided_by_their_propensity(path: Path) -> None:
    added(
        path,
        CreditRow("k", CHUNK, 0.5, "a.py"),
        CreditRow("k", CHUNK, 0.0, "a.py"),
        CreditRow("other", CHUNK, 1.0, "a.py"),
    )
    assert known(path) == [(0.5, 2.0)]
    added(path, CreditRow("k", CHUNK, 1.0, "a.py", propensity=0.5))
    assert known(path) == [(2.5, 4.0)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_learned_fades_by_half_in_thirty_days(path: Path) -> None:
    added(path, CreditRow("k", CHUNK, 1.0, "a.py"))
    assert known(path, NOW + HALF_LIFE_S) == [(0.5, 0.5)]
    added(path, CreditRow("k", CHUNK, 0.0, "a.py"), now_s=NOW + HALF_LIFE_S)
    assert known(path, NOW + HALF_LIFE_S) == [(0.5, 1.5)]


def test_a_clock_that_went_backwards_strengthens_nothing(path: Path) -> None:
    added(path, CreditRow("k", CHUNK, 1.0, "a.py"))
    added(path, CreditRow("k", CHUNK, 1.0, "a.py"), now_s=NOW - HALF_LIFE_S)
    assert known(path, NOW - 5 * HALF_LIFE_S) == [(2.0, 2.0)]


def test_values_out_of_range_are_cut(path: Path) -> None:
    added(path, CreditRow("k", CHUNK, 7.0, "a.py", propensity=0.0), CreditRow("k", CHUNK, -3.0, "a.py", propensity=9.0))
    assert known(path) == [(1 / LEAST_PROPENSITY, 1 / LEAST_PROPENSITY + 1)]


def test_all_of_it_is_added_or_nothing(path: Path) -> None:
    connection = open_memory(path)
    with pytest.raises(sqlite3.Error):
        add_credits(connection, [CreditRow("k", CHUNK, 1.0, "a.py"), CreditRow(None, CHUNK, 1.0, "a.py")], NOW)  # type: ignore[arg-type]
    assert read_credits(connection, ["k"], NOW) == []
    connection.close()


@pytest.mark.parametrize("data", [b"", b"no database at all" * 99])
def test_a_file_that_is_no_memory_is_an_empty_one_and_is_begun_anew(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)
    assert known(path) == []
    added(path, CreditRow("k", CHUNK, 1.0, "a.py"))
    assert known(path) == [(1.0, 1.0)]


def test_a_database_of_another_kind_is_an_empty_memory(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE credit (key TEXT)")
    other.commit()
    other.close()
    assert known(path) == []


@pytest.mark.parametrize(
    "values",
    [("x", 1.0, NOW), (9.0, 1.0, NOW), (-1.0, 1.0, NOW), (1.0, 1e999, NOW), (1.0, 1.0, None), (1.0, None, NOW)],
)
def test_rows_that_nobody_added_are_left_out(path: Path, values: tuple[object, ...]) -> None:
    added(path, CreditRow("k", CHUNK, 1.0, "a.py"))
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE credit")
    connection.execute("CREATE TABLE credit (key, chunk, credit, exposure, at_s, path)")
    connection.execute("INSERT INTO credit VALUES ('k', ?, ?, ?, ?, 'a.py')", (b"poison", *values))
    connection.execute("INSERT INTO credit VALUES ('k', ?, 1.0, 2.0, ?, 'a.py')", (CHUNK, NOW))
    connection.commit()
    connection.close()
    assert known(path) == [(1.0, 2.0)]


def test_a_chunk_is_named_by_its_text_alone() -> None:
    assert chunk_digest("  def a():\n        return 1") == CHUNK != chunk_digest("def b():\n    return 1")
