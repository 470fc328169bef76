"""`bench retrieval` on a small repository: repeatable, blind to the hole, no strategy above the oracle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from repocomp.bench.holes import draw
from repocomp.bench.retrieval.run import Plan, RetrievalReport, bench_retrieval
from repocomp.bench.retrieval.scorers import by_codebleu, cuts_of
from repocomp.bench.retrieval.trial import CHUNKS, JUDGES
from repocomp.cli import app
from repocomp.complete.parts import IndexRetriever, Parts
from repocomp.document import Document
from repocomp.errors import StoreError
from repocomp.evaluate.counterfactual import compare, given
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.likelihood import token_weights
from repocomp.evaluate.unseen import unseen_identifiers
from repocomp.generate.local.generator import load
from repocomp.index.build import build
from repocomp.index.vectors import build_vectors
from repocomp.model.encoder import shipped_encoder
from repocomp.prompt.window import Window
from repocomp.retrieve.query import Query
from repocomp.retrieve.retrieve import ARMS
from repocomp.store.index.reader import IndexReader
from tests.conftest import Repository
from tests.train.repositories import modules

WITHOUT_VECTORS = {*ARMS} - {"dense", "sparse", "hybrid"}
"""What an index that is like any other answers."""


@pytest.fixture
def root(repository: Repository) -> Path:
    root = repository(modules("alpha", 4))
    build(root)
    return root


def without_times(report: RetrievalReport) -> list[object]:
    return [(trial.path, trial.recall, trial.gain, trial.similarity) for trial in report.trials]


def test_every_arm_is_measured_and_none_beats_what_the_repository_holds(root: Path) -> None:
    first, second = (bench_retrieval([root], Plan(limit=12, seed=1)) for _ in range(2))
    assert without_times(first) == without_times(second)
    assert {row.name for row in first.rows} == {*WITHOUT_VECTORS, *JUDGES}
    assert {row.chunks for row in first.rows} == set(CHUNKS)
    assert all(row.recall.value <= first.reachable and row.gain is row.similarity is None for row in first.rows)
    assert 0 < first.judged <= first.holes == 12


def test_arms_that_need_vectors_have_rows_where_there_are_some(root: Path) -> None:
    encoder = shipped_encoder()
    assert encoder is not None
    build_vectors(root, encoder)
    report = bench_retrieval([root], Plan(limit=2))
    assert {row.name for row in report.rows} == {*ARMS, *JUDGES}


@pytest.mark.parametrize("plan", [Plan(limit=2, likelihood=True), Plan(limit=2, answers=True)])
def test_what_is_dear_is_measured_on_demand(root: Path, plan: Plan) -> None:
    report = bench_retrieval([root], plan)
    means = {(row.name, row.chunks): row.gain if plan.likelihood else row.similarity for row in report.rows}
    measured = {key: mean for key, mean in means.items() if mean is not None}
    dear = {*WITHOUT_VECTORS, "union", "rrf", "linear", "lambdamart", "default", "oracle"}
    assert measured.keys() == {(name, chunks) for name in dear for chunks in CHUNKS}
    assert all(mean.ahead == (0, 0) for (name, _), mean in measured.items() if name == "rrf")
    assert all((row.similarity if plan.likelihood else row.gain) is None for row in report.rows)


def test_the_answer_with_given_chunks_is_that_of_a_completion_that_found_them(root: Path) -> None:
    (hole,), _ = draw(root, 1, 0)
    with IndexReader.open(root) as reader:  # type: ignore[union-attr]
        loaded = load("default")
        (outcome,) = compare([hole], Parts(loaded, loaded, IndexRetriever(reader)), 48)
    assert given(hole, outcome.found, loaded, 48).text == outcome.retrieved.text
    assert given(hole, [], loaded, 48).text == outcome.without.text


def test_several_seeds_are_summed_up(root: Path) -> None:
    each = [bench_retrieval([root], Plan(limit=4, seed=seed)) for seed in (3, 4)]
    both = bench_retrieval([root], Plan(limit=4, seed=3, seeds=2))
    assert without_times(both) == [one for report in each for one in without_times(report)]


def test_what_is_given_to_compare_with_finds_what_it_scores(root: Path) -> None:
    with IndexReader.open(root) as reader:  # type: ignore[union-attr]
        path = "alpha/module_0.py" if reader.files.content_of("alpha/module_0.py") else reader.files.all()[0].path
        text = reader.contents.text(reader.files.content_of(path) or 0)
        query = Query("new.py", "python", text.rstrip("\n"), "", (1, 2))
        for cut in cuts_of(reader).values():
            assert cut.draw(query, 3)[0].path == path
            assert all(hit.score <= 1 for hit in cut.draw(query, 3))
        scores = [hit.score for hit in by_codebleu(reader, query, 3)]
        assert scores == sorted(scores, reverse=True) and scores


def test_what_the_prompt_shows_is_not_asked_for() -> None:
    text = "import os\nresult = os.path.join(folder, name)\nend(result)\n"
    start = text.index("ult = ")
    hole = Hole(Document("a.py", text.encode()), start, text.index("\nend"), "midline")
    context = Window("a.py", "import os\nres", "\nend(result)\n", "res", (), (), 1, 3)
    assert hole.answer == "ult = os.path.join(folder, name)"
    assert unseen_identifiers(hole, context) == {"path", "join", "folder", "name"}


def test_the_first_token_and_identifiers_weigh_more() -> None:
    weights = token_weights([" return", " ca", "che", "[", "0", "]", " if"], "python")
    assert np.array_equal(weights, [5, 3, 3, 1, 1, 1, 1])


def test_the_command_prints_a_table_or_json(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert app.run(["bench", "retrieval", "--limit", "6", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["holes"] == 6 == len(data["trials"])
    assert app.run(["bench", "retrieval", "--limit", "6"]) == 0
    assert "the repository holds" in capsys.readouterr().out


def test_without_an_index_the_mending_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        bench_retrieval([tmp_path], Plan())
    assert raised.value.hint == "repocomp index"
