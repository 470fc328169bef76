"""The arms that search by vectors: exact, aware of what has none, and silent where nothing fits."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.index.build import build_from
from repocomp.index.vectors import encode_at
from repocomp.model.encoder import Encoded
from repocomp.retrieve.arms.bm25 import Bm25
from repocomp.retrieve.arms.dense import RESCORED, Dense, best_places, nearest
from repocomp.retrieve.arms.hybrid import Hybrid
from repocomp.retrieve.arms.sparse import Sparse
from repocomp.retrieve.hit import Hit, Unavailable
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS, retrieve
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind, Vectors
from repocomp.terms import words

SIZE = 64
FILES = {
    "shapes.py": "def circle_area(radius):\n    return PI * radius * radius\n\n\nclass Square:\n    side = 1\n",
    "cooking.py": "def boil(water, minutes):\n    kettle.heat(water)\n    return minutes\n",
    "main.py": "radius = 3\n\n\nprint(circle_area(radius))\n",
}


class ByWords:
    """An encoder whose vectors count words, and whose sparse weights are one a word."""

    digest = "words"

    def encode_chunks(self, texts: Sequence[str]) -> Encoded:
        dense = np.zeros((len(texts), SIZE), dtype=np.float32)
        pairs = set()
        for row, text in enumerate(texts):
            for word in words(text):
                dense[row, zlib.crc32(word.encode()) % SIZE] += 1
                pairs.add((row, zlib.crc32(word.encode()) % 8000))
        dense /= np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9)
        both = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
        return Encoded(dense, both[:, 0], both[:, 1], np.ones(len(both), dtype=np.float32))

    def encode_question(self, text: str) -> Encoded:
        return self.encode_chunks([text])


def by_words() -> Any:
    return ByWords()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    database = tmp_path / "index.db"
    build_from(database, [(name, text.encode()) for name, text in FILES.items()])
    encode_at(database, ByWords())
    return database


def asking(prefix: str, visible: tuple[int, int] = (1, 1), path: str = "other.py") -> Query:
    return Query(path, "python", prefix, "", visible)


def names(hits: Sequence[Hit]) -> list[str]:
    return [hit.path for hit in hits]


@pytest.mark.parametrize("arm", [Dense(encoder=by_words), Sparse(encoder=by_words)])
def test_what_is_said_in_like_words_comes_first(path: Path, arm: Dense | Sparse) -> None:
    with IndexReader.open_at(path) as reader:
        found = arm.draw(reader, asking("kettle.heat(water)"), 2)
    assert found[0].path == "cooking.py"
    assert found[0].text.startswith("def boil")
    assert found[0].arm == arm.name


def test_dense_scores_are_cosines(path: Path) -> None:
    text = "def boil(water, minutes):\n    kettle.heat(water)\n    return minutes"
    with IndexReader.open_at(path) as reader:
        found = Dense(encoder=by_words).draw(reader, asking(text), 3)
    assert found[0].score == pytest.approx(1.0, abs=0.01)


def test_sparse_scores_are_products_over_shared_tokens(path: Path) -> None:
    with IndexReader.open_at(path) as reader:
        found = Sparse(encoder=by_words).draw(reader, asking("water minutes unknown"), 3)
    assert names(found) == ["cooking.py"]
    assert found[0].score == pytest.approx(2.0)


def test_what_the_prompt_shows_is_not_found_again(path: Path) -> None:
    query = asking("print(circle_area(radius))", visible=(1, 9), path="main.py")
    with IndexReader.open_at(path) as reader:
        for arm in (Dense(encoder=by_words), Sparse(encoder=by_words), Hybrid(vector=Dense(encoder=by_words))):
            assert "main.py" not in names(arm.draw(reader, query, 5))


def test_chunks_without_a_vector_are_not_found_and_hinder_nothing(path: Path) -> None:
    build_from(path, [("late.py", b"def simmer(water):\n    return water\n")])
    with IndexReader.open_at(path) as reader:
        for arm in (Dense(encoder=by_words), Sparse(encoder=by_words)):
            found = names(arm.draw(reader, asking("simmer(water)"), 9))
            assert "cooking.py" in found
            assert "late.py" not in found


@pytest.mark.parametrize("arm", [Dense, Sparse])
def test_an_arm_says_why_it_cannot_answer(tmp_path: Path, path: Path, arm: type[Dense] | type[Sparse]) -> None:
    build_from(tmp_path / "plain.db", [("a.py", b"a = 1\n")])
    with IndexReader.open_at(tmp_path / "plain.db") as reader, pytest.raises(Unavailable) as caught:
        arm(encoder=by_words).draw(reader, asking("a"), 3)
    assert caught.value.hint == "repocomp index --vectors"
    with IndexReader.open_at(path) as reader:
        with pytest.raises(Unavailable):
            arm(encoder=lambda: None).draw(reader, asking("a"), 3)
        # Vectors of another encoder are no vectors.
        with pytest.raises(Unavailable):
            arm().draw(reader, asking("a"), 3)


def test_hybrid_is_the_fusion_of_both_sides(path: Path) -> None:
    query = asking("kettle.heat(water)")
    dense = Dense(encoder=by_words)
    with IndexReader.open_at(path) as reader:
        sides = [dense.draw(reader, query, 20), Bm25().draw(reader, query, 20)]
        found = Hybrid(vector=dense).draw(reader, query, 10)
    expected: dict[tuple[str, int], float] = {}
    for side in sides:
        for rank, hit in enumerate(side, 1):
            place = hit.path, hit.start_line
            expected[place] = expected.get(place, 0.0) + 1 / (60 + rank)
    assert {(hit.path, hit.start_line): hit.score for hit in found} == pytest.approx(expected)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert {hit.arm for hit in found} == {"hybrid"}


def test_the_vector_arms_answer_only_when_named(path: Path) -> None:
    assert {"dense", "hybrid", "memory", "sparse"} == set(ARMS) - set(DEFAULT_ARMS)
    with IndexReader.open_at(path) as reader:
        assert set(retrieve(reader, asking("kettle")).drawn) == set(DEFAULT_ARMS)


def test_the_best_of_several_segments_come_first(path: Path) -> None:
    build_from(path, [("late.py", b"def boil(water, minutes):\n    kettle.heat(water)\n    return minutes\n\n")])
    encode_at(path, ByWords())
    question = ByWords().encode_question("kettle.heat(water)").dense[0]
    with IndexReader.open_at(path) as reader:
        assert len(reader.segments.all(ChunkKind.ENCODED)) == 2
        scored = nearest(reader, question, 10)
        texts = {
            chunk.id: "\n".join(reader.contents.lines(chunk.content_id)[chunk.start_line - 1 : chunk.end_line])
            for chunk in reader.chunks.by_id([number for _, number in scored])
        }
    for score, number in scored:
        assert score == pytest.approx(float(ByWords().encode_chunks([texts[number]]).dense[0] @ question), abs=0.02)
    assert [score for score, _ in scored] == sorted((score for score, _ in scored), reverse=True)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 400), share_dead=st.sampled_from([0.0, 0.3]))
def test_the_scan_finds_what_plain_floats_find(seed: int, size: int, share_dead: float) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((size, 128)).astype(np.float32)
    scales = np.abs(rows).max(axis=1) / 127
    levels = np.rint(rows / scales[:, None]).astype(np.int8)
    asked = rng.standard_normal(128).astype(np.float32)
    dead = rng.random(size) < share_dead if share_dead else None
    plain = (levels * scales[:, None]) @ asked
    if dead is not None:
        plain[dead] = -np.inf
    alive = size - (0 if dead is None else int(dead.sum()))
    best = set(np.argsort(-plain, kind="stable")[: min(10, alive)].tolist())
    assert best <= set(best_places(Vectors(1, levels, scales), asked, RESCORED, dead).tolist())
