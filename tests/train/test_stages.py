"""From a folder of repositories to a pack that completes, through the command line, at toy size."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from repocomp.errors import ExitCode
from repocomp.generate.local.generator import LocalGenerator
from repocomp.model.library import load_pack, write_pack
from repocomp.model.pack import CacheMixture
from tests.train.repositories import RECIPE, make_repository, modules

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("train")


Train = Callable[..., dict[str, Any]]


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str]) -> Train:
    """Run a stage; returns what it reports."""

    def run(*arguments: object) -> dict[str, Any]:
        code = app.run(["train", *map(str, arguments), "--json"])
        said = capsys.readouterr()
        assert code == 0, said
        data: dict[str, Any] = json.loads(said.out)["data"]
        return data

    return run


def test_every_stage_and_the_pack_at_the_end(work: Path, train: Train) -> None:
    recipe = work / "toy.toml"
    recipe.write_text(RECIPE)
    for name in ("one", "two", "validation"):
        make_repository(work / "repositories", f"acme/{name}", modules(name))
    corpus, rows, run = work / "corpus", work / "rows", work / "run"
    tokenizer, labels, tuned = work / "tokenizer.json", work / "labels.jsonl", work / "tuned.pt"
    assert train("corpus", work / "repositories", corpus, "--recipe", recipe)["repositories"] == 3
    train("tokenizer", corpus, tokenizer, "--recipe", recipe)
    train("data", corpus, tokenizer, rows, "--recipe", recipe)
    hours = 3 / 3600
    train("pretrain", rows, run, "--recipe", recipe, "--hours", hours, "--no-compile")
    checkpoint = run / "checkpoint.pt"
    train("pretrain", rows, run, "--recipe", recipe, "--hours", 1.25 * hours, "--no-compile")
    curve = [json.loads(line) for line in (run / "log.jsonl").read_text().split("\n")[:-1]]
    assert curve[1]["step"] > curve[0]["step"]
    assert curve[1]["loss_160"] < 5.7  # log 320: what a model knows that has seen nothing
    train("export", checkpoint, tokenizer, work / "base", "--name", "base", "--recipe", recipe)
    bits = train("mix", corpus, work / "base", "--holes", 20, "--read")["bits"]
    assert bits["mixed"] < bits["alone"]
    train("label", corpus, work / "base", labels, "--holes", 8)
    before = labels.read_bytes()
    train("label", corpus, work / "base", labels, "--holes", 8)
    assert labels.read_bytes() == before
    train("tune", checkpoint, labels, tuned, "--epochs", 1)
    report = train("export", tuned, tokenizer, work / "pack", "--name", "toy", "--recipe", recipe)
    assert report["kl"] < 0.05
    validation = work / "validation.jsonl"
    train("label", corpus, work / "pack", validation, "--holes", 110, "--split", "validation")
    (work / "pack" / "MODEL_CARD.md").write_text("# old\n\n## Encoder\n\nWhat it was made of.\n")
    train("calibrate", work / "pack", validation, corpus)
    pack = load_pack(work / "pack")
    assert pack.quality
    card = (work / "pack" / "MODEL_CARD.md").read_text()
    assert all(f"acme/{name}" in card for name in ("one", "two", "validation"))
    assert card.endswith("## Encoder\n\nWhat it was made of.\n")
    assert "# old" not in card


@pytest.mark.parametrize(("copied", "read", "budget"), [(0.5, 0.4, 0), (0.5, 0.5, 0), (0.4, 0.5, 384)])
def test_a_pack_reads_what_is_retrieved_where_copying_serves_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: float, read: float, budget: int
) -> None:
    from repocomp.train import stages
    from repocomp.train.lm.mix import Chosen, MixFit

    pack = load_pack("default")
    files = {name: (pack.folder / name).read_bytes() for name in pack.digests}
    write_pack(replace(pack, folder=tmp_path / "pack", budgets=replace(pack.budgets, cross_file=384)), files)

    def choose_mixture(repositories: object, loaded: LocalGenerator, *_: object) -> Chosen:
        similarity = read if loaded.pack.budgets.cross_file else copied
        mixture = CacheMixture(((0.1, 0.1, similarity),))
        return Chosen(MixFit(mixture, 1, 2.0, 1.0), {0.0: similarity, 0.5: 0.1})

    monkeypatch.setattr(stages, "choose_mixture", choose_mixture)
    monkeypatch.setattr(stages, "_repositories", lambda *_: [])
    stages.mix_pack(tmp_path, str(tmp_path / "pack"), 1, lambda *_: None)
    revised = load_pack(tmp_path / "pack")
    assert (revised.budgets.cross_file, revised.cache.odds) == (budget, ((0.1, 0.1, max(copied, read)),))
    stages.mix_pack(tmp_path, str(tmp_path / "pack"), 1, lambda *_: None, may_copy=False)
    assert load_pack(tmp_path / "pack").budgets.cross_file == budget


def test_a_stage_without_an_argument_is_answered_with_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["train", "all", "a"]) == ExitCode.ERROR
    assert capsys.readouterr().err.splitlines()[-1] == "hint: repocomp train all --help"
