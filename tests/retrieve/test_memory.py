"""The arm that remembers: predictions first, then what helped; a bad memory is none, and touches no other arm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repocomp.index.build import build
from repocomp.retrieve.arms.memory import Memory, credit_rows, keys_of
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS, retrieve
from repocomp.store.identity import identify
from repocomp.store.index.reader import IndexReader
from repocomp.store.memory.credits import CreditRow, add_credits, open_memory
from repocomp.store.paths import memory_path
from tests.conftest import Repository

STORE = "class Store:\n    def open_rows(self, path, limit):\n        self.path = path\n        return limit\n"
USE = "def load(place):\n    store = Store()\n    rows = store.open_rows(place, 5)\n    return rows\n"
PLAIN = "def unrelated():\n    value = 1\n    other = 2\n    return value + other\n"
QUERY = Query("new.py", "python", "def fetch(store):\n    rows = store.open_rows(", "", (10_000, 10_001))


@pytest.fixture
def root(repository: Repository) -> Path:
    root = repository({"store.py": STORE, "use.py": USE, "plain.py": PLAIN})
    build(root)
    return root


@pytest.fixture
def reader(root: Path) -> Iterator[IndexReader]:
    with IndexReader.open(root) as opened:  # type: ignore[union-attr]
        yield opened


def draw(reader: IndexReader) -> list[str]:
    return [hit.path for hit in Memory().draw(reader, QUERY, 5)]


def learn(root: Path, rows: list[CreditRow]) -> None:
    connection = open_memory(memory_path(identify(root).name))
    add_credits(connection, rows, time.time())
    connection.close()


def hit_of(reader: IndexReader, path: str) -> Hit:
    return Hit(reader.files.content_of(path) or 0, path, 2, 3, 1.0, "bm25", "")


def test_keys_are_names_neighbours_and_the_function_that_is_written() -> None:
    assert {"name:open_rows", "pair:store open_rows", "in:fetch"} <= keys_of(QUERY).keys()
    assert all(0 < weight <= 1 for weight in keys_of(QUERY).values())


def test_without_a_memory_definitions_and_uses_are_predicted(reader: IndexReader) -> None:
    assert sorted(draw(reader)) == ["store.py", "use.py"]
    assert draw(reader) == draw(reader)


def test_what_helped_comes_first_and_what_did_not_goes_down(reader: IndexReader, root: Path) -> None:
    before = draw(reader)
    learn(root, credit_rows(reader, QUERY, hit_of(reader, "plain.py"), 1.0) * 8)
    assert "plain.py" not in before
    assert draw(reader)[0] == "plain.py"
    learn(root, credit_rows(reader, QUERY, hit_of(reader, "plain.py"), 0.0) * 200)
    assert draw(reader)[-1] == "plain.py"


def test_credit_belongs_to_the_text_and_outlives_edits_elsewhere(reader: IndexReader, root: Path) -> None:
    learn(root, credit_rows(reader, QUERY, hit_of(reader, "plain.py"), 1.0) * 8)
    (root / "plain.py").write_text("class First:\n    a = 1\n    b = 2\n    c = 3\n    d = 4\n\n\n" + PLAIN)
    build(root)
    assert draw(reader)[0] == "plain.py"
    (root / "plain.py").write_text(PLAIN.replace("other = 2", "other = 3"))
    build(root)
    assert "plain.py" not in draw(reader)


@pytest.mark.parametrize("kind", ["empty", "damaged", "poisoned", "folder"])
def test_a_bad_memory_is_none_and_changes_no_other_arm(reader: IndexReader, root: Path, kind: str) -> None:
    good, others = draw(reader), retrieve(reader, QUERY)
    path = memory_path(identify(root).name)
    if kind == "poisoned":
        rows = [CreditRow(key, b"no such chunk", 1.0, "../../etc/passwd") for key in keys_of(QUERY)]
        learn(root, rows * 50)
    elif kind == "folder":
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if kind == "empty" else b"rubbish" * 500)
    assert draw(reader) == good
    assert retrieve(reader, QUERY) == others
    for name in DEFAULT_ARMS:
        assert ARMS[name].draw(reader, QUERY, 5) == others.drawn[name][:5]


def test_it_is_not_asked_unless_it_is_named(reader: IndexReader) -> None:
    assert "memory" not in retrieve(reader, QUERY).drawn
    assert [hit.path for hit in retrieve(reader, QUERY, arms=["memory"]).hits] == draw(reader)
