"""What is fast says what is plain: the ranker against its word by word reference, sites lazily against all of them."""

from __future__ import annotations

import gc
import weakref
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import repocomp
from repocomp.index.build import build_from
from repocomp.retrieve.arms.usage import _best_first, _best_lines, _Worth
from repocomp.retrieve.query import Query
from repocomp.retrieve.rank import linear, rank
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS, retrieve
from repocomp.store.index.reader import IndexReader
from tests.retrieve import plain

OWN = Path(repocomp.__file__).parent
ROOMS = ("store", "retrieve", "complete")
SOME = sorted((OWN / "store").glob("*.py"))
ENCODED = ("dense", "sparse", "hybrid")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexReader]:
    database = tmp_path_factory.mktemp("own") / "index.db"
    files = [path for room in ROOMS for path in sorted((OWN / room).rglob("*.py"))]
    build_from(database, [(str(path.relative_to(OWN.parent)), path.read_bytes()) for path in files])
    with IndexReader.open_at(database) as opened:
        yield opened


def queries() -> Iterator[Query]:
    """A cursor in the middle of every module, where the prompt shows forty lines of it."""
    for room in ROOMS:
        for path in sorted((OWN / room).rglob("*.py")):
            lines = path.read_text(encoding="utf-8").split("\n")
            at, name = len(lines) // 2, str(path.relative_to(OWN.parent))
            first, last = max(0, at - 20), min(len(lines), at + 20)
            prefix, suffix = "\n".join(lines[first:at]) + "\n", "\n".join(lines[at:last])
            above, below = "\n".join(lines[:first]), "\n".join(lines[last:])
            if len(lines) > 40:
                yield Query(name, "python", prefix, suffix, (first + 1, last), above, below)


def test_a_closed_reader_is_held_by_nobody(tmp_path: Path) -> None:
    build_from(tmp_path / "index.db", [(str(path.relative_to(OWN.parent)), path.read_bytes()) for path in SOME])
    reader = IndexReader.open_at(tmp_path / "index.db")
    assert retrieve(reader, next(queries()), arms=[name for name in ARMS if name not in ENCODED]).failed == {}
    assert retrieve(reader, next(queries())).hits
    reader.close()
    held = weakref.ref(reader)
    del reader
    gc.collect()
    assert held() is None


def test_the_fast_ranker_ranks_as_the_plain_one(reader: IndexReader) -> None:
    seen = 0
    for query in queries():
        drawn = {name: ARMS[name].draw(reader, query, 10) for name in DEFAULT_ARMS}
        expected, found = plain.rank(reader, query, drawn, linear()), rank(reader, query, drawn, linear())
        assert [(hit.path, hit.start_line, hit.end_line, hit.text) for hit in found] == [
            (hit.path, hit.start_line, hit.end_line, hit.text) for hit in expected
        ]
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=2e-4)
        seen += len(found)
    assert seen > 1000


SITES = st.dictionaries(
    st.integers(0, 5), st.dictionaries(st.integers(1, 40), st.integers(1, 7), min_size=1), max_size=6
)


@given(SITES)
def test_sites_come_best_first_though_most_are_never_looked_at(sites: dict[int, dict[int, int]]) -> None:
    worth = _Worth({"a": 0.5, "b": 0.25, "c": 0.25})
    every = [(score, number, line) for number in sites for score, line in _best_lines(sites[number], worth)]
    assert list(_best_first(defaultdict(dict, sites), worth)) == sorted(every, reverse=True)
