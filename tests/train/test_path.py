"""The whole path at toy size: every stage once, whatever stops it, and a pack at its end that completes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import pytest

from repocomp.cli import app
from repocomp.errors import TrainError
from repocomp.train.recipe import load_recipe
from tests.train.repositories import RECIPE, make_repository, modules

pytest.importorskip("torch")
pytest.importorskip("onnx")

from repocomp.progress import Progress  # noqa: E402
from repocomp.train.path import JOURNAL, STAGES, Plan, train_all  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")
NAMES = [stage.name for stage in STAGES]
TICK = 0.1


def ticking() -> Callable[[], float]:
    """A clock on which each look takes a tenth of a second, so that a run's steps do not depend on the machine."""
    ticks = count()
    return lambda: TICK * next(ticks)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    work = tmp_path_factory.mktemp("path")
    (work / "toy.toml").write_text(RECIPE)
    for name in ("one", "two", "validation"):
        make_repository(work / "repositories", f"acme/{name}", modules(name))
    return Plan(
        work / "repositories",
        work / "out",
        load_recipe(str(work / "toy.toml")),
        seconds=10.0,
        name="toy",
        workers=1,
        compiled=False,
        clock=ticking(),
    )


def ran(plan: Plan, stages: int | None = None) -> list[str]:
    """Run the path, or its next few stages; what ran."""
    shown: list[Progress] = []
    names = [done.stage for done in islice(train_all(plan, lambda: nullcontext(shown.append)), stages)]
    assert {now.label.split(",")[0].split(" ", 1)[1] for now in shown} <= set(names)
    return names


def test_the_path_is_walked_once_and_from_wherever_it_stopped(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(plan, 3) == NAMES[:3]
    # Stopped in the middle of a stage: the checkpoint is there, the journal does not know.
    assert ran(plan, 1) == ["pretrain"]
    forget(plan, "pretrain")
    steps = len((plan.out / "run" / "log.jsonl").read_text().split("\n"))
    assert ran(plan, 6) == NAMES[3:9]
    assert len((plan.out / "run" / "log.jsonl").read_text().split("\n")) == steps + 1
    assert ran(plan) == NAMES[9:]
    assert ran(plan) == []
    pack = plan.out / "pack"
    assert "acme/one" in (pack / "MODEL_CARD.md").read_text()
    file = plan.folder / "acme+validation" / "validation" / "module_3.py"
    assert app.run(["complete", f"{file}:6:20", "--generator", str(pack), "--policy", str(pack), "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["data"]["models"]["generator"]


def test_what_a_stage_is_made_of_makes_it_again(plan: Plan) -> None:
    out = plan.out.parent / "again"
    once = replace(plan, out=out)
    ran(once, 3)
    (out / "tokenizer.json").unlink()
    assert ran(once, 1) == ["tokenizer"]
    assert not (out / "rows").exists()


def test_nothing_is_spoilt(plan: Plan, tmp_path: Path) -> None:
    other = replace(plan, recipe=replace(plan.recipe, digest="other"))
    with pytest.raises(TrainError, match="another recipe"):
        ran(other)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(TrainError, match="holds other files"):
        ran(replace(plan, out=tmp_path))
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_folder_without_a_split_is_refused_before_hours_are_spent(plan: Plan, tmp_path: Path) -> None:
    make_repository(tmp_path / "repositories", "acme/one", modules("one"))
    with pytest.raises(TrainError, match="no repository for validation"):
        ran(replace(plan, folder=tmp_path / "repositories", out=tmp_path / "out"))


def test_the_command_says_what_it_did(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = plan.out.parent / "toy.toml"
    assert app.run(["train", "all", str(plan.folder), str(plan.out), "--recipe", str(recipe), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {
        "stage": "all",
        "pack": str(plan.out / "pack"),
        "ran": [],
    }


def forget(plan: Plan, stage: str) -> None:
    """Make the journal one of a run that was killed within `stage`."""
    journal = json.loads((plan.out / JOURNAL).read_text())
    journal["done"] = journal["done"][: NAMES.index(stage)]
    (plan.out / JOURNAL).write_text(json.dumps(journal))
