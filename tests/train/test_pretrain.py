"""A run of pre-training: resumed, held stable, cooled down, compiled or not, and carried home in pieces."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from repocomp.errors import TrainError
from repocomp.progress import Progress
from repocomp.train.lm.checkpoint import read_checkpoint, write_checkpoint
from repocomp.train.lm.muon import orthogonalise
from repocomp.train.lm.pieces import join_pieces, write_pieces
from repocomp.train.lm.pretrain import CHECKPOINT, LOG, STABLE, cooled, pretrain, rate_at
from repocomp.train.recipe import Recipe, load_recipe
from tests.train.repositories import RECIPE

pytestmark = pytest.mark.filterwarnings("default")


def ticking() -> Callable[[], float]:
    """A clock on which each look takes half a second: two looks a step."""
    ticks = count()
    return lambda: 0.5 * next(ticks)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """The toy recipe, and rows of a code that is easy to learn, in `tmp_path / "rows"`."""
    (tmp_path / "toy.toml").write_text(RECIPE)
    (tmp_path / "rows").mkdir()
    for split, tokens in (("train", 160), ("train", 224), ("validation", 160), ("validation", 224)):
        ids = (np.arange(20)[:, None] + np.arange(tokens + 1)) % 50 + 20
        with lzma.open(tmp_path / "rows" / f"{split}-{tokens}-0000.npy.xz", "wb") as stream:
            np.save(stream, ids.astype(np.uint16))
    return load_recipe(str(tmp_path / "toy.toml"))


def run(recipe: Recipe, work: Path, name: str, seconds: float, **options: Any) -> tuple[Path, list[Progress]]:
    """Train for so many seconds of the ticking clock; the checkpoint, and every step."""
    steps: list[Progress] = []
    options = {"compiled": False, **options}
    out = pretrain(
        recipe, work / "rows", work / name, seconds=seconds, clock=ticking(), progress=steps.append, **options
    )
    return out, steps


def step(now: Progress) -> int:
    return int(now.label.split(",")[0].removeprefix("step "))


def loss(now: Progress) -> float:
    return float(now.label.rpartition(" ")[2])


def state(checkpoint: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_checkpoint(checkpoint)["state"]
    return found


def test_it_learns_and_goes_on_where_it_stopped(recipe: Recipe, tmp_path: Path) -> None:
    checkpoint, first = run(recipe, tmp_path, "run", 20)
    assert loss(first[-1]) < loss(first[0])
    _, more = run(recipe, tmp_path, "run", 25)
    assert step(more[0]) == step(first[-1]) + 1
    assert more[0].done >= 0.8
    assert len((tmp_path / "run" / LOG).read_text().split("\n")) == 3 + 1
    assert state(checkpoint)["places"][0] != [0, 0]
    _, none = run(recipe, tmp_path, "run", 25)
    assert none == []


def test_a_cooldown_starts_from_the_stable_checkpoint_and_leaves_it_alone(recipe: Recipe, tmp_path: Path) -> None:
    run(recipe, tmp_path, "run", 20)
    stable = tmp_path / "run" / STABLE
    before, kept = stable.read_bytes(), state(stable)
    # The toy recipe decays over the last 30 %.
    assert 0.6 < kept["seconds"] / 20 <= 0.75
    checkpoint, steps = run(recipe, tmp_path, "cool", 8, start=stable, cooldown=True)
    assert stable.read_bytes() == before
    assert step(steps[0]) == kept["step"] + 1
    assert steps[0].done == 0.0
    assert state(checkpoint)["tokens"] > kept["tokens"]
    assert not (tmp_path / "cool" / STABLE).exists()
    # Stopped and begun again, it does not start over.
    _, rest = run(recipe, tmp_path, "cool", 10, start=stable, cooldown=True)
    assert step(rest[0]) == step(steps[-1]) + 1


def test_the_rate_of_a_cooldown_falls_from_the_first_step(recipe: Recipe) -> None:
    schedule = cooled(recipe).schedule
    assert [rate_at(schedule, 100, done) for done in (0.0, 0.25, 0.5, 1.0)] == [1.0, 0.75, 0.5, 0.03]
    assert [rate_at(recipe.schedule, 100, done) for done in (0.0, 0.5, 0.69)] == [1.0, 1.0, 1.0]
    assert rate_at(recipe.schedule, 1, 0.0) == 0.5


def test_a_compiler_that_fails_is_done_without(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no compiler")

    monkeypatch.setattr(torch, "compile", lambda model, dynamic: broken)
    _, steps = run(recipe, tmp_path, "run", 5, compiled=True)
    assert steps
    assert "no compiler" in json.loads((tmp_path / "run" / LOG).read_text().split("\n")[0])["not compiled"]


def test_a_run_of_another_recipe_is_not_gone_on_with(recipe: Recipe, tmp_path: Path) -> None:
    run(recipe, tmp_path, "run", 3)
    wider = replace(recipe, shape=replace(recipe.shape, d_ff=96))
    with pytest.raises(TrainError, match="another recipe or version"):
        run(wider, tmp_path, "run", 6)
    shorter = replace(recipe, phases=recipe.phases[:1])
    with pytest.raises(TrainError, match="other phases"):
        run(shorter, tmp_path, "run", 6)


def test_weights_travel_in_pieces(recipe: Recipe, tmp_path: Path) -> None:
    checkpoint, _ = run(recipe, tmp_path, "run", 5)
    files = write_pieces(checkpoint, tmp_path / "pieces", 10_000)
    assert len(files) > 3
    assert all(file.stat().st_size <= 10_000 for file in files)
    join_pieces(tmp_path / "pieces", tmp_path / "joined.pt")
    was, now = (read_checkpoint(file)["model"] for file in (checkpoint, tmp_path / "joined.pt"))
    assert {name: value.bfloat16().float().tolist() for name, value in was.items()} == {
        name: value.tolist() for name, value in now.items()
    }
    # Weights alone can be trained on: warmed up again, from the first step.
    _, steps = run(recipe, tmp_path, "on", 5, start=tmp_path / "joined.pt")
    assert step(steps[0]) == 1
    files[2].write_bytes(files[2].read_bytes()[:-1] + b"?")
    with pytest.raises(TrainError, match="damaged"):
        join_pieces(tmp_path / "pieces", tmp_path / "joined.pt")
    files[2].unlink()
    with pytest.raises(TrainError, match=r"not complete.*weights.01"):
        join_pieces(tmp_path / "pieces", tmp_path / "joined.pt")


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / CHECKPOINT, {"model": {}})
    (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:-100])
    with pytest.raises(TrainError, match=r"checkpoint.pt: cannot be read"):
        read_checkpoint(tmp_path / CHECKPOINT)


def test_muon_steps_along_orthogonal_matrices() -> None:
    torch.manual_seed(0)
    many = torch.randn(3, 12, 30)
    values = torch.linalg.svdvals(orthogonalise(many))
    assert 0.6 < float(values.min()) <= float(values.max()) < 1.3
    assert torch.allclose(orthogonalise(many)[1], orthogonalise(many[1:2])[0], atol=1e-5)
    assert torch.allclose(orthogonalise(many.mT).mT, orthogonalise(many), atol=1e-4)
