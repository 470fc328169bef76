"""What a reader keeps follows the database, and a snapshot is one state whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from repocomp.errors import StoreError
from repocomp.index.build import build
from repocomp.store.index.rows import ChunkKind
from repocomp.store.index.snapshot import IndexReader
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
    names, content = ["first", "second", "wonder", "marvel"], reader.held(["a.py", "b.py"])
    terms = reader.postings(ChunkKind.SYNTAX, names)
    return {
        "held": content,
        "count": reader.content_count(),
        "definitions": [symbol.name for symbol in reader.definitions(names)],
        "references": {name: len(places) for name, places in reader.references(names).items()},
        "spread": reader.spread(names),
        "terms": [(postings.term, len(postings.places)) for postings in terms],
        "lines": [reader.lines(number) for number in content.values()],
        "paths": [reader.paths_of(number) for number in content.values()],
        "chunks": [reader.chunks_of(number, ChunkKind.SYNTAX) for number in content.values()],
        "symbols": [[symbol.name for symbol in reader.symbols_of(number)] for number in content.values()],
    }


def test_what_others_make_lives_as_long_as_its_version_or_the_reader(reader: IndexReader, root: Path) -> None:
    made: list[str] = []

    def paths(of: IndexReader) -> list[str]:
        made.append("paths")
        return [row.path for row in of.files()]

    def scratch(_: IndexReader) -> list[int]:
        made.append("scratch")
        return []

    assert reader.derived(paths) == reader.derived(paths) == ["a.py"]
    own = reader.owned(scratch)
    (root / "b.py").write_text(AFTER)
    build(root)
    assert reader.derived(paths) == ["a.py", "b.py"]
    assert reader.owned(scratch) is own
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
            assert reader.held(["b.py"]) == {}
        assert reader.definitions(["second"]) == []
    assert [symbol.name for symbol in reader.definitions(["second"])] == ["second"]


def test_a_snapshot_ends_with_what_went_wrong_inside(reader: IndexReader, root: Path) -> None:
    with pytest.raises(KeyError), reader.snapshot():
        reader.chunks([10_000])
    (root / "b.py").write_text(AFTER)
    build(root)
    assert reader.held(["b.py"])
    reader.close()
    with pytest.raises(StoreError, match="closed"), reader.snapshot():
        pass
