"""Text of deleted files is not offered as if it were there; where no tree is there to look at, nothing is left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from repocomp.index.build import build, build_from
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import DEFAULT_ARMS, retrieve
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import index_path
from tests.conftest import Repository

FILES = {
    "lib.py": "def fetch_rows(cursor, table, limit):\n    return cursor.run(table, limit)\n",
    "use.py": "import lib\n\n\ndef use(cursor):\n    return lib.fetch_rows(cursor, 'users', 10)\n",
}
QUERY = Query("new.py", "python", "rows = fetch_rows(", "\n", (1, 1))


@pytest.fixture
def root(repository: Repository) -> Path:
    root = repository(FILES)
    build(root)
    return root


def drawn(root: Path, query: Query = QUERY) -> dict[str, set[str]]:
    """The paths that each arm drew, and those of the ranked hits."""
    reader = IndexReader.open_at(index_path(root))
    with reader:
        found = retrieve(reader, query)
    paths = {name: {hit.path for hit in hits} for name, hits in found.drawn.items()}
    return {**paths, "ranked": {hit.path for hit in found.hits}}


def test_text_of_a_deleted_file_is_not_offered(root: Path) -> None:
    before = drawn(root)
    assert before["ranked"] == {"lib.py", "use.py"}
    (root / "lib.py").unlink()
    after = drawn(root)
    assert after == {name: paths - {"lib.py"} for name, paths in before.items()}
    (root / "lib.py").mkdir()
    assert drawn(root) == after


def test_the_file_in_the_buffer_is_there(root: Path) -> None:
    (root / "lib.py").unlink()
    query = Query("lib.py", "python", "rows = fetch_rows(", "\n", (100, 101))
    assert "lib.py" in drawn(root, query)["ranked"]


def test_without_a_tree_everything_is_there(root: Path, tmp_path: Path) -> None:
    before, path = drawn(root), index_path(root)
    kept = tmp_path / "kept.db"
    build_from(kept, [(name, text.encode()) for name, text in FILES.items()])
    shutil.rmtree(root)
    for database in (kept, path):
        with IndexReader.open_at(database) as reader:
            assert {hit.path for hit in retrieve(reader, QUERY, arms=DEFAULT_ARMS).hits} >= before["ranked"]
