"""Files that change together are read from git once a commit, within bounds; an index of the first schema lives on."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from repocomp.git import changes
from repocomp.index.build import build
from repocomp.index.history import companions
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.schema import STEPS
from repocomp.store.paths import index_path
from tests.conftest import Repository, write_files


def commit(root: Path, files: dict[str, str]) -> None:
    write_files(root, files)
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(root), "commit", "-qm", "x"], check=True)


def together(root: Path, path: str) -> dict[str, float]:
    reader = IndexReader.open(root)
    assert reader is not None
    with reader:
        return reader.files.changed_with(path)


def test_each_commit_ties_its_files(repository: Repository) -> None:
    root = repository({})
    commit(root, {"a.py": "a = 1\n", "b.py": "b = 1\n", "odd \n name.py": "c = 1\n"})
    commit(root, {"a.py": "a = 2\n", "b.py": "b = 2\n"})
    assert list(changes(root, 10)) == [["a.py", "b.py"], ["a.py", "b.py", "odd \n name.py"]]
    build(root)
    assert together(root, "a.py") == {"b.py": 1.5, "odd \n name.py": 0.5}
    commit(root, {"a.py": "a = 3\n", "b.py": "b = 3\n"})
    build(root)
    assert together(root, "a.py")["b.py"] == 2.5


def test_what_is_not_indexed_is_not_named(repository: Repository) -> None:
    root = repository({})
    commit(root, {"a.py": "a = 1\n", "b.bin": "\0"})
    build(root)
    assert together(root, "a.py") == {}
    (root / "b.bin").write_text("text by now\n")
    build(root)
    assert together(root, "a.py") == {"b.bin": 1.0}


def test_companions_are_few() -> None:
    rows = companions(iter([[f"f{n}" for n in range(15)], ["f0", "f14"]]))
    assert [row[1] for row in rows if row[0] == "f0"][:2] == ["f14", "f1"]
    assert sum(row[0] == "f0" for row in rows) == 8


def test_an_index_of_the_first_schema_is_migrated_with_all_it_holds(repository: Repository) -> None:
    root = repository({"a.py": "def f(x):\n    return x\n"})
    build(root)
    with closing(sqlite3.connect(index_path(root))) as connection:
        connection.executescript("DROP TABLE together; DROP TABLE vector; CREATE TABLE import (content_id INTEGER);")
        connection.execute("ALTER TABLE file DROP COLUMN stamp")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name != 'create'")
        connection.commit()
    report = build(root)
    assert (report.indexed, report.files) == (0, 1)
    with closing(sqlite3.connect(index_path(root))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    assert together(root, "a.py") == {}
