"""The learned order: every text once, new names first, the same each time; and fitting it anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest

from repocomp.errors import PackError
from repocomp.index.build import build, build_from
from repocomp.retrieve.features import PIECE_FEATURES, PIECE_LINES, WORD_FEATURES, RankContext, pieces_of
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.rank import chosen, grouped, linear, rank, trees
from repocomp.retrieve.retrieve import retrieve
from repocomp.store.index.reader import IndexReader
from repocomp.train.ranker.linear import fit, fit_words
from tests.conftest import Repository
from tests.train.repositories import modules

FAR = (10_000, 10_001)
BODY = [f"    value_{at} = source_{at}.load()" for at in range(20)]
TEXT = "\n".join(["def first():", *BODY, "def second():", *BODY[::-1]]) + "\n"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[IndexReader]:
    files = {"pkg/a.py": TEXT, "pkg/b.py": "import pkg.a\nfirst = pkg.a.first()\nprint(first.wonder)\n"}
    build_from(tmp_path / "index.db", [(name, text.encode()) for name, text in files.items()])
    with IndexReader.open_at(tmp_path / "index.db") as opened:
        yield opened


def ask(prefix: str) -> Query:
    return Query("pkg/c.py", "python", prefix, "", FAR)


def hit(start: int, lines: list[str], arm: str = "bm25", content: int = 1) -> Hit:
    return Hit(content, f"f{content}.py", start, start + len(lines) - 1, 1.0, arm, "\n".join(lines))


def test_long_hits_are_cut_and_say_nothing_twice(reader: IndexReader) -> None:
    drawn = {"bm25": [hit(1, BODY), hit(5, BODY, content=2)], "near": [hit(2, BODY[1:13], "near")]}
    pieces = pieces_of(RankContext.of(reader, ask("x")), grouped(drawn))
    hits = pieces.hits
    assert [(found.start_line, found.end_line) for found in hits] == [(1, 6), (7, 12), (13, 20)]
    assert pieces.groups[pieces.owner[0]][1] == {"bm25": 1, "near": 1}
    assert all(len(found.text.split("\n")) <= PIECE_LINES * 4 / 3 for found in hits)


def test_an_outline_is_not_cut(reader: IndexReader) -> None:
    outline = Hit(1, "a.py", 1, 400, 1.0, "structured", "\n".join(BODY))
    pieces = pieces_of(RankContext.of(reader, ask("x")), grouped({"structured": [outline]}))
    assert pieces.hits == [outline]


def test_a_piece_that_adds_no_new_name_comes_late(reader: IndexReader) -> None:
    query = ask("known = 1\n")
    old, new = hit(1, ["known = known", "# known"]), hit(1, ["another = fresh"], content=2)
    again = hit(1, ["fresh = another"], content=3)
    ranked = rank(reader, query, {"bm25": [old, new, again]})
    assert [found.content_id for found in ranked][0] in (2, 3)
    assert [found.score > 0 for found in ranked] == [True, False, False]


def test_what_is_drawn_is_ranked_the_same_each_time_and_once(reader: IndexReader) -> None:
    query = ask("import pkg.a\nvalue_3 = source_3.")
    first, second = retrieve(reader, query), retrieve(reader, query)
    assert first.hits == second.hits
    drawn = {line for hits in first.drawn.values() for found in hits for line in found.text.split("\n")}
    assert {line for found in first.hits for line in found.text.split("\n")} <= drawn
    folded = [" ".join(found.text.split()) for found in first.hits]
    assert len(folded) == len(set(folded)) > 3


def test_hidden_places_are_hidden_before_they_are_ranked(reader: IndexReader) -> None:
    query = ask("value_3 = source_3.")
    found = retrieve(reader, query, hidden=lambda some: some.path == "pkg/a.py")
    assert {one.path for one in found.hits} <= {"pkg/b.py"}
    assert all(one.path != "pkg/a.py" for hits in found.drawn.values() for one in hits)


def test_no_hit_is_no_answer(reader: IndexReader) -> None:
    assert rank(reader, ask(""), {"bm25": []}) == []
    assert [found.text for found in rank(reader, ask("a b"), {"bm25": [hit(1, ["a b"])]})] == ["a b"]


def test_the_shipped_weights_name_every_feature_and_where_they_come_from() -> None:
    content = json.loads((Path(__file__).parents[2] / "repocomp/retrieve/ranker.json").read_text())
    assert tuple(content["piece"]) == PIECE_FEATURES
    assert tuple(content["word"]) == WORD_FEATURES
    assert len(content["trained_on"]) > 5
    assert linear().relevance(np.zeros((2, len(PIECE_FEATURES)))).shape == (2,)


def test_the_shipped_trees_are_small_of_these_features_and_say_where_they_come_from() -> None:
    folder = Path(__file__).parents[2] / "repocomp/retrieve"
    content = json.loads((folder / "trees.json").read_text())
    assert tuple(content["features"]) == PIECE_FEATURES
    assert len(content["trained_on"]) > 5
    assert (folder / "ranker.onnx").stat().st_size <= 200_000
    table = np.random.default_rng(0).random((5, len(PIECE_FEATURES)))
    assert len(set(chosen().relevance(table))) > 1
    assert np.array_equal(chosen().relevance(table), trees(folder).relevance(table))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the place of the one that holds the trees, with a copy of them."""
    for name in ("ranker.onnx", "ranker.json", "trees.json"):
        copyfile(Path(__file__).parents[2] / "repocomp/retrieve" / name, tmp_path / name)
    monkeypatch.setattr("repocomp.retrieve.rank._SHIPPED", tmp_path)
    for ranker in (chosen, linear):
        ranker.cache_clear()
    yield tmp_path
    for ranker in (chosen, linear):
        ranker.cache_clear()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("ranker.onnx", b"damaged"),
        ("trees.json", b"{"),
        ("trees.json", b"{}"),
        ("trees.json", b'{"features": ["other"], "word": {}}'),
    ],
)
def test_without_sound_trees_the_linear_model_ranks(
    reader: IndexReader, elsewhere: Path, name: str, data: bytes
) -> None:
    (elsewhere / name).write_bytes(data)
    with pytest.raises(PackError):
        trees(elsewhere)
    assert chosen() is linear()
    assert retrieve(reader, ask("import pkg.a\nvalue_3 = source_3.")).hits


def test_fitting_finds_what_decides() -> None:
    table = np.random.default_rng(0).normal(size=(500, 3))
    weights = fit_words(table, (table[:, 1] > 0).astype(np.float64))
    assert weights[1] > 2 > 4 * max(abs(weights[0]), abs(weights[2]))


def test_a_ranker_can_be_fitted_on_indexed_trees(repository: Repository) -> None:
    root = repository(modules("alpha", 4))
    build(root)
    first, second = (fit([root], holes=30) for _ in range(2))
    assert first == second
    assert tuple(first["piece"]) == PIECE_FEATURES  # type: ignore[arg-type]
