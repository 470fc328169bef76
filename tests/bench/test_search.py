"""`bench search` on a small tree: every engine answers, ours is exact, sizes are what was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repocomp.bench.search.engines import Fts5, Table, Tantivy
from repocomp.bench.search.run import agreement, bench_search
from repocomp.cli import app
from repocomp.errors import BenchError
from repocomp.index.build import build_from
from repocomp.store.index.rows import ChunkKind
from tests.conftest import Repository
from tests.train.repositories import modules


def test_ours_is_exact_and_stands_beside_the_others(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    root = repository(modules("alpha", 5))
    code = app.run(["bench", "search", str(root), "--chunks", "20", "--queries", "8", "--json"])
    data = json.loads(capsys.readouterr().out)["data"]
    assert code == 0
    rows = {(row["what"], row["engine"]): row for row in data["rows"]}
    assert {"ours", "scan", "FTS5"} <= {engine for what, engine in rows if what == "bm25"}
    assert all(rows[what, "ours"]["exact"] == 1.0 for what in ("bm25", "jaccard", "vectors"))
    assert all(row["chunks"] >= 20 and row["p50"] <= row["p95"] for row in rows.values())
    assert data["facts"]["tantivy"] == ("measured" if Tantivy.is_installed() else "not installed")


def test_a_tree_without_source_is_an_error(repository: Repository) -> None:
    with pytest.raises(BenchError):
        bench_search([repository({"a.txt": "words\n"})], [10], 3, 0, lambda *now: None)


def test_scores_are_compared_rank_by_rank() -> None:
    reference = [[(3.0, 1), (2.0, 2)], [(1.0, 4)]]
    assert agreement([[(2.0, 9), (3.0, 1)], [(1.0, 5)]], reference) == 1.0
    assert agreement([[(3.0, 1), (1.9, 2)], []], reference) == pytest.approx(1 / 3, abs=1e-4)


def test_rivals_find_the_one_chunk_that_holds_a_word(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    build_from(path, [(f"m{n}.py", f"def word{'abcdef'[n]}(x):\n    return {n}\n".encode()) for n in range(6)])
    table = Table.of(path, ChunkKind.SYNTAX)
    (place,) = [place for place, text in table.texts() if "wordc" in text.split()]
    fts5 = Fts5(tmp_path / "fts5.db", table)
    assert fts5.search(["wordc", "nothing"], 3) == [place]
    fts5.close()
    assert [number for _, number in table.bm25({"wordc": 1.0}, 3)] == [int(table.chunks[place])]
    if Tantivy.is_installed():
        assert Tantivy(tmp_path / "tantivy", table).search(["wordc"], 3) == [place]
