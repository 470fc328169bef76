"""What a reader keeps follows the database, and a snapshot is one state whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from repocomp.errors import StoreError
from repocomp.index.build import build
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind
from repocomp.store.paths import index_path
from tests.conftest import Repository

BEFORE, AFTER = "def first():\n    return wonder\n", "def second():\n    return wonder + marvel\n"


@pytest.fixture
def root(repository: Repository) -> Path:
    root = repository({"a.py": BEFORE})
    build(root)
    return root


@pytest.fixture
def reader(root: Path) -> Iterator[IndexReader]:
    with IndexReader.open(root) as opened:  # type: ignore[union-attr]
        yield opened


def state(reader: IndexReader) -> dict[str, object]:
    """One answer of every kind that is kept."""
    names, content = ["first", "second", "wonder", "marvel"], reader.files.contents_of(["a.py", "b.py"])
    terms = reader.segments.postings(ChunkKind.SYNTAX, names)
    return {
        "held": content,
        "count": reader.contents.count(),
        "definitions": [symbol.name for symbol in reader.symbols.definitions(names)],
        "references": {name: len(places) for name, places in reader.symbols.references(names).items()},
        "document frequency": reader.symbols.document_frequency(names),
        "terms": [(postings.term, len(postings.places)) for postings in terms],
        "lines": [reader.contents.lines(number) for number in content.values()],
        "paths": [reader.files.paths_of(number) for number in content.values()],
        "chunks": [reader.chunks.of(number, ChunkKind.SYNTAX) for number in content.values()],
        "symbols": [[symbol.name for symbol in reader.symbols.of(number)] for number in content.values()],
    }


def test_what_others_make_lives_as_long_as_its_version_or_the_reader(reader: IndexReader, root: Path) -> None:
    made: list[str] = []

    def paths(of: IndexReader) -> list[str]:
        made.append("paths")
        return [row.path for row in of.files.all()]

    def scratch(_: IndexReader) -> list[int]:
        made.append("scratch")
        return []

    assert reader.cached("paths", lambda: paths(reader)) == reader.cached("paths", lambda: paths(reader)) == ["a.py"]
    own = reader.memo(scratch)
    (root / "b.py").write_text(AFTER)
    build(root)
    assert reader.cached("paths", lambda: paths(reader)) == ["a.py", "b.py"]
    assert reader.memo(scratch) is own
    assert made == ["paths", "scratch", "paths"]


def test_what_is_kept_is_read_again_when_the_index_has_changed(reader: IndexReader, root: Path) -> None:
    first = state(reader)
    assert state(reader) == first
    (root / "b.py").write_text(AFTER)
    build(root)
    second = state(reader)
    assert [kind for kind in first if first[kind] == second[kind]] == []
    with IndexReader.open(root) as fresh:  # type: ignore[union-attr]
        assert state(fresh) == second


def test_a_snapshot_is_one_state_of_the_index(reader: IndexReader, root: Path) -> None:
    with reader.snapshot():
        first = state(reader)
        (root / "b.py").write_text(AFTER)
        build(root)
        assert state(reader) == first
        with reader.snapshot():
            assert reader.files.contents_of(["b.py"]) == {}
        assert reader.symbols.definitions(["second"]) == []
    assert [symbol.name for symbol in reader.symbols.definitions(["second"])] == ["second"]


def test_a_snapshot_ends_with_what_went_wrong_inside(reader: IndexReader, root: Path) -> None:
    with pytest.raises(KeyError), reader.snapshot():
        reader.chunks.by_id([10_000])
    (root / "b.py").write_text(AFTER)
    build(root)
    assert reader.files.contents_of(["b.py"])
    reader.close()
    with pytest.raises(StoreError, match="closed"), reader.snapshot():
        pass


def test_an_index_that_another_process_is_about_to_make_is_none_yet(repository: Repository) -> None:
    root = repository({"a.py": "x = 1\n"})
    index_path(root).parent.mkdir(parents=True)
    index_path(root).touch()
    assert IndexReader.open(root) is None
    build(root)
    reader = IndexReader.open(root)
    assert reader is not None
    reader.close()
