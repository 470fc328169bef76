"""`bench retrieval` on a small repository: repeatable, blind to the hole, no strategy above the oracle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from repocomp.bench.retrieval import CHUNKS, RetrievalReport, bench_retrieval
from repocomp.bench.run import Plan
from repocomp.cli import app
from repocomp.complete.prompt import Context
from repocomp.document import Document
from repocomp.errors import StoreError
from repocomp.evaluate.holes import Hole
from repocomp.evaluate.likelihood import token_weights
from repocomp.evaluate.unseen import unseen_identifiers
from repocomp.index.build import build
from repocomp.retrieve.retrieve import ARMS
from tests.conftest import Repository
from tests.train.repositories import modules


@pytest.fixture
def root(repository: Repository) -> Path:
    root = repository(modules("alpha", 4))
    build(root)
    return root


def without_times(report: RetrievalReport) -> object:
    return [(trial.path, trial.recall, trial.gain) for trial in report.trials]


def test_every_arm_is_measured_and_none_beats_what_the_repository_holds(root: Path) -> None:
    first, second = (bench_retrieval([root], Plan(limit=30, seed=1)) for _ in range(2))
    assert without_times(first) == without_times(second)
    assert {row.name for row in first.rows} == {*ARMS, "rrf", "default", "oracle"}
    assert {row.chunks for row in first.rows} == set(CHUNKS)
    assert all(row.recall <= first.reachable and row.gain is None for row in first.rows)
    assert 0 < first.judged <= first.holes == 30


def test_the_likelihood_gain_is_measured_on_demand(root: Path) -> None:
    report = bench_retrieval([root], Plan(limit=5), likelihood=True)
    assert all(row.gain is not None and row.gain_interval is not None for row in report.rows)


def test_what_the_prompt_shows_is_not_asked_for() -> None:
    text = "import os\nresult = os.path.join(folder, name)\nend(result)\n"
    start = text.index("ult = ")
    hole = Hole(Document("a.py", text.encode()), start, text.index("\nend"), "midline")
    context = Context("import os\nres", "\nend(result)\n", (), "res", (), (), 1, 3)
    assert hole.answer == "ult = os.path.join(folder, name)"
    assert unseen_identifiers(hole, context) == {"path", "join", "folder", "name"}


def test_the_first_token_and_identifiers_weigh_more() -> None:
    weights = token_weights([" return", " ca", "che", "[", "0", "]", " if"], "python")
    assert np.array_equal(weights, [5, 3, 3, 1, 1, 1, 1])


def test_the_command_prints_a_table_or_json(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert app.run(["bench", "retrieval", "--limit", "20", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["holes"] == 20 == len(data["trials"])
    assert app.run(["bench", "retrieval", "--limit", "20"]) == 0
    assert "the repository holds" in capsys.readouterr().out


def test_without_an_index_the_mending_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        bench_retrieval([tmp_path], Plan())
    assert raised.value.hint == "repocomp index"
