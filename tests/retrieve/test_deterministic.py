"""Equal trees give equal answers, whatever happened to the index before: edits, reverts, deletions and merges."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.index.build import build
from repocomp.index.vectors import build_vectors
from repocomp.retrieve.arms.dense import Dense
from repocomp.retrieve.arms.hybrid import Hybrid
from repocomp.retrieve.arms.sparse import Sparse
from repocomp.retrieve.hit import Arm
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import ARMS, retrieve
from repocomp.store.index.reader import IndexReader
from tests.conftest import write_files
from tests.retrieve.test_vector_arms import ByWords, by_words

VECTOR_ARMS: dict[str, Arm] = {
    "dense": Dense(encoder=by_words),
    "sparse": Sparse(encoder=by_words),
    "hybrid": Hybrid(vector=Dense(encoder=by_words)),
}
NAMES = [f"{folder}{name}.py" for folder in ("", "app/", "lib/") for name in "abcd"]
# Many texts that tie: the same names in the same shape, apart in one word.
BODIES = [
    f"def open_{noun}(path, mode):\n    handle = make_{noun}(path)\n    return handle.read(mode)\n\n\n"
    f"class {noun.title()}:\n    def close(self):\n        return open_{noun}(self.path, 1)\n"
    for noun in ("file", "socket", "stream", "archive")
] + ["import lib.a\n\nvalue = open_file(path, mode)\nother = handle.read(mode)\n", "# nothing but words\n" * 30]
EDIT = st.tuples(st.sampled_from(NAMES), st.sampled_from([*BODIES, None]))
SCRIPTS = st.lists(st.lists(EDIT, min_size=1, max_size=4), min_size=2, max_size=7)
PREFIXES = ("handle = open_", "class Mine(File):\n    def ", "x = handle.read(", "import lib.", "return make_stream(p")


def queries() -> Iterator[Query]:
    for number, prefix in enumerate(PREFIXES):
        yield Query(f"app/q{number}.py", "python", prefix, "\n", (1, 2))


def answers(root: Path) -> list[Any]:
    """Every arm's hits and both orders of all, by what a user sees of them."""
    reader = IndexReader.open(root)
    assert reader is not None

    def seen(hits: Any) -> list[tuple[Any, ...]]:
        return [(hit.path, hit.start_line, hit.end_line, hit.score, hit.arm, hit.text) for hit in hits]

    with reader:
        found: list[Any] = []
        for query in queries():
            for name, arm in ARMS.items():
                found.append((name, seen(VECTOR_ARMS.get(name, arm).draw(reader, query, 3))))
            found.append(seen(retrieve(reader, query, top_k=3).hits))
            found.append(seen(retrieve(reader, query, top_k=3, is_ranked=False).hits))
        return found


@settings(max_examples=10)
@given(SCRIPTS)
def test_an_index_that_grew_answers_as_one_made_anew(tmp_path_factory: pytest.TempPathFactory, script: Any) -> None:
    root = tmp_path_factory.mktemp("tree")
    write_files(root, dict(zip(NAMES, BODIES, strict=False)))
    build(root, jobs=1)
    before = {path: path.read_bytes() for path in root.rglob("*.py")}
    for edits in script:
        for name, text in edits:
            if text is None:
                (root / name).unlink(missing_ok=True)
            else:
                write_files(root, {name: text})
        build(root, jobs=1)
        build_vectors(root, ByWords())
    _revert_half(before)
    build(root, jobs=1)
    build_vectors(root, ByWords())
    grown = answers(root)
    build(root, jobs=1, rebuild=True)
    build_vectors(root, ByWords())
    assert grown == answers(root)


def _revert_half(before: dict[Path, bytes]) -> None:
    for path in sorted(before)[::2]:
        path.write_bytes(before[path])
        os.utime(path, (1_700_000_000, 1_700_000_000))
