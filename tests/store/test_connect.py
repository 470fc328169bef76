"""Opening a database: every way it can fail has a sentence and a command; a frozen one can still be read."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from repocomp.errors import StoreError
from repocomp.index.build import build_from
from repocomp.store.connect import transaction, write_ahead
from repocomp.store.index.connect import explained, open_index
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.schema import NAME, STEPS
from repocomp.store.migrate import migrate


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "cache" / "index.db"
    build_from(path, [("a.py", b"def f(x):\n    return x\n")])
    return path


def test_a_new_database_has_every_step_and_no_other_reader(tmp_path: Path) -> None:
    path = tmp_path / "new" / "index.db"
    with closing(open_index(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        names = [name for (name,) in connection.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
    assert names == [name for name, _ in STEPS]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_two_that_open_at_once_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as first,
        closing(sqlite3.connect(path, isolation_level=None)) as second,
    ):
        migrate(first, STEPS, NAME)
        migrate(second, STEPS, NAME)
        assert second.execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == (len(STEPS),)


def test_a_write_ahead_log_waits_for_whoever_holds_the_new_database(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as holder,
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as waiting,
    ):
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_ahead(waiting, wait_ms=0)
        end = threading.Timer(0.2, holder.execute, ["COMMIT"])
        end.start()
        write_ahead(waiting)
        end.join()
        assert waiting.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("version", "said", "hint"), [(len(STEPS) + 1, "newer", "upgrade"), (0, "older", "repocomp index")]
)
def test_schemas_of_other_versions(database: Path, version: int, said: str, hint: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(StoreError, match=said) as raised:
        open_index(database, readonly=True)
    assert hint in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (sqlite3.OperationalError("database is locked"), "another process"),
        (sqlite3.OperationalError("database or disk is full"), "disk is full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "cannot be opened"),
        (sqlite3.OperationalError("no such table: chunk"), "damaged"),
        (sqlite3.OperationalError("disk I/O error"), "disk I/O error"),
        (sqlite3.DatabaseError("file is not a database"), "damaged"),
        (OSError(30, "Read-only file system"), "Read-only file system"),
    ],
)
def test_every_fault_has_a_sentence_and_a_hint(error: Exception, said: str) -> None:
    with pytest.raises(StoreError, match=said) as raised, explained(Path("index.db")):
        raise error
    assert raised.value.hint


def test_a_full_disk_is_not_hidden_by_its_own_rollback(database: Path) -> None:
    with closing(open_index(database)) as connection:
        with pytest.raises(ZeroDivisionError), transaction(connection):
            # SQLite itself ends the transaction when the disk is full.
            connection.execute("ROLLBACK")
            raise ZeroDivisionError
        assert not connection.in_transaction


def test_where_nothing_can_be_written_the_file_alone_is_read(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(path.name for path in database.parent.iterdir())
    monkeypatch.setattr(os, "access", lambda *_: False)
    with IndexReader.open_at(database) as reader:
        assert [row.path for row in reader.files.all()] == ["a.py"]
        assert sorted(path.name for path in database.parent.iterdir()) == before
