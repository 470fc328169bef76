"""Every command that takes --cluster says on three nodes what it says in one process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from repocomp.executor.journal import Journal
from repocomp.executor.workers import Workers
from repocomp.feedback.ledger import repository_path
from repocomp.index.build import build
from repocomp.learn.learner import reset
from repocomp.learn.replay import Replay, state_of
from repocomp.model.library import load_pack
from repocomp.store.feedback.connect import open_feedback
from repocomp.store.feedback.learning import replay_rows
from repocomp.train.confidence.label import judge
from repocomp.train.lm.label import label, read
from repocomp.train.pairing.trials import try_out
from repocomp.train.repository import Repository
from tests.bench.test_datasets import FILE, crosscodeeval_row, repoeval_row, write_rows
from tests.conftest import write_files
from tests.train.repositories import modules

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]

_OF_THE_RUN = {"ms", "cached"}
"""How long something took, and how much of a prompt the worker had read before."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "alpha"
    write_files(root, modules("alpha", 4))
    build(root)
    return root


def comparable(value: Any) -> Any:
    """The same JSON without what two runs differ in."""
    if isinstance(value, dict):
        return {
            key: comparable(each) for key, each in value.items() if key not in _OF_THE_RUN and not key.endswith("_ms")
        }
    return [comparable(each) for each in value] if isinstance(value, list) else value


@pytest.fixture
def said(cluster: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, Any]]:
    """What a command says in one process and on the cluster."""

    def run(*arguments: str) -> tuple[Any, Any]:
        found = []
        for more in ((), ("--cluster", cluster.address)):
            assert app.run([*arguments, "--json", *more]) == 0
            found.append(comparable(json.loads(capsys.readouterr().out)["data"]))
        return found[0], found[1]

    return run


@pytest.mark.parametrize("suite", ["self", "policy"])
def test_benchmarks_of_a_tree(root: Path, said: Callable[..., tuple[Any, Any]], suite: str) -> None:
    one, many = said("bench", suite, "--limit", "6", str(root))
    assert one["cases"] == many["cases"]
    assert len(one["cases"]) == 6


def test_benchmark_of_retrieval(root: Path, said: Callable[..., tuple[Any, Any]]) -> None:
    one, many = said("bench", "retrieval", "--limit", "6", str(root))
    assert one["trials"] == many["trials"]


def test_published_benchmarks(tmp_path: Path, said: Callable[..., tuple[Any, Any]]) -> None:
    write_files(tmp_path / "acme_one", {**modules("alpha", 4), "one/a.py": FILE})
    rows = [repoeval_row(), repoeval_row(task_id="x", fpath_tuple=["no_repo", "b.py"])]
    one, many = said("bench", "repoeval", str(write_rows(tmp_path / "function.jsonl", *rows)))
    assert one["cases"] == many["cases"]
    assert one["cases"][0]["chunks"]
    one, many = said("bench", "crosscodeeval", str(write_rows(tmp_path / "a.jsonl", crosscodeeval_row())))
    assert one["cases"] == many["cases"]


def test_labels(cluster: Any, tmp_path: Path) -> None:
    repositories = [
        Repository(name, [(path, text.encode()) for path, text in modules(name, 3).items()]) for name in ("a", "b")
    ]
    found: list[Any] = []
    for workers in (Workers(), Workers(cluster=cluster.address)):
        with workers.executor() as executor:
            out = tmp_path / f"labels-{len(found)}"
            label(repositories, "default", out, holes_each=12, seed=0, executor=executor)
            verdicts = judge(
                repositories, "default", tmp_path / f"v-{len(found)}", holes_each=12, seed=0, executor=executor
            )
            trials = try_out(repositories, "default", "default", Journal(), holes_each=6, seed=0, executor=executor)
            found.append(
                (
                    out.read_bytes(),
                    read(out),
                    verdicts,
                    [comparable(asdict(trial)) for trial in trials],
                )
            )
    assert found[0] == found[1]
    assert [len(each) for each in found[0][1:]] == [24, 24, 12]


def test_learning(root: Path, cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    pack = load_pack("default")
    for more in ((), ("--cluster", cluster.address)):
        assert app.run(["learn", "--limit", "4", "--json", str(root), *more]) == 0
        gate = json.loads(capsys.readouterr().out)["data"]["gate"]
        path = repository_path(root)
        with closing(open_feedback(path)) as connection:
            rows = [asdict(Replay.from_row(row)) for row in replay_rows(connection, state_of(pack, pack))]
        memory = path.with_name("memory.db").exists()
        found.append(([comparable(row) for row in rows], gate["is_promoted"], memory))
        reset(root)
        path.unlink()
    assert found[0] == found[1]
    assert len(found[0][0]) == 4
