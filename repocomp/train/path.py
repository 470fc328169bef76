"""The whole path: from a folder of repositories to a pack, every stage in its order, each done once.

A journal in the output folder says which stages are done. A run starts at the first one that is not, or whose output is
gone, removes what later stages had made of it, and goes on; a stage that was cut short finds its own work where it left
it. Hours are for the stages that could go on for ever: pre-training, labelling and tuning share them.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from repocomp.errors import TrainError
from repocomp.named_files import read_regular
from repocomp.progress import OnProgress, Progress, duration
from repocomp.train import stages
from repocomp.train.corpus.collect import MANIFEST, collect
from repocomp.train.corpus.rows import make_rows
from repocomp.train.lm.pretrain import CHECKPOINT, pretrain
from repocomp.train.lm.tune import TuneSettings
from repocomp.train.recipe import Recipe
from repocomp.train.stages import Clock

JOURNAL = "journal.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make, of what, where. `excluded` is as `collect` takes it, `seconds` what the timed stages share."""

    folder: Path
    out: Path
    recipe: Recipe
    seconds: float
    name: str
    excluded: Path | None = None
    workers: int = 2
    compiled: bool = True
    clock: Clock = time.monotonic

    def at(self, name: str) -> Path:
        """Where the output of that name lies."""
        return self.out / name


@dataclass(frozen=True, slots=True)
class Done:
    """A stage that is done: how long it took, and what it says of itself."""

    stage: str
    seconds: float
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its output below the plan's folder, what makes it, and its share of the plan's seconds."""

    name: str
    makes: str
    run: Callable[[Plan, float, OnProgress], dict[str, Any]]
    share: float = 0.0


def train_all(plan: Plan, bar: Callable[[], AbstractContextManager[OnProgress]]) -> Iterator[Done]:
    """Run the stages that are not done yet, and yield each as it ends; `bar` shows the progress of one stage.

    Raises TrainError when the folder is of another recipe, or no journal is in it but other files are.
    """
    done = _read_journal(plan)
    first = _first_undone(plan, done)
    _remove_stale(plan, first)
    done = done[:first]
    _write_journal(plan, done)
    for number in range(first, len(STAGES)):
        stage, started = STAGES[number], plan.clock()
        with bar() as show:
            said = stage.run(plan, stage.share * plan.seconds, _named(show, plan, number, started))
        done.append(Done(stage.name, round(plan.clock() - started, 1), said))
        _write_journal(plan, done)
        yield done[-1]


def _corpus(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    facts = collect(plan.folder, plan.at("corpus"), plan.recipe, excluded=plan.excluded, progress=show)
    found = {split: [one for one in facts if one.split == split] for split in ("train", "validation", "refused")}
    for split, what in (("train", "another repository"), ("validation", " or ".join(sorted(plan.recipe.validation)))):
        if not found[split]:
            raise TrainError(f"{plan.folder}: no repository for {split}", f"add {what}")
    return {"bytes": sum(one.bytes for one in facts), **{split: len(some) for split, some in found.items()}}


def _tokenizer(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    show(Progress(0, 1, "learning the vocabulary"))
    stages.learn_tokenizer(plan.at("corpus"), plan.at("tokenizer.json"), plan.recipe)
    return {"tokens": plan.recipe.shape.vocab_size}


def _rows(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    tokenizer, rows = plan.at("tokenizer.json"), plan.at("rows")
    make_rows(plan.at("corpus"), tokenizer, rows, plan.recipe, workers=plan.workers, progress=show)
    return {"bytes": sum(file.stat().st_size for file in rows.iterdir())}


def _pretrain(plan: Plan, seconds: float, show: OnProgress) -> dict[str, Any]:
    pretrain(
        plan.recipe,
        plan.at("rows"),
        plan.at("run"),
        seconds=seconds,
        compiled=plan.compiled,
        clock=plan.clock,
        progress=show,
    )
    return {}


def _export_base(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    return _export(plan, plan.at("run") / CHECKPOINT, "base", show)


def _export_pack(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    return _export(plan, plan.at("tuned.pt"), "pack", show)


def _export(plan: Plan, checkpoint: Path, folder: str, show: OnProgress) -> dict[str, Any]:
    show(Progress(0, 1, "writing and checking"))
    report = stages.export_checkpoint(
        checkpoint,
        plan.at("tokenizer.json"),
        plan.at(folder),
        plan.recipe,
        name=plan.name,
        version="0.1",
        precision="int8",
    )
    return asdict(report)


def _mix_base(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    # Its labels are to teach reading.
    holes = plan.recipe.labelling.mix_holes
    return stages.mix_pack(plan.at("corpus"), str(plan.at("base")), holes, show, may_copy=False)


def _mix_pack(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    return stages.mix_pack(plan.at("corpus"), str(plan.at("pack")), plan.recipe.labelling.mix_holes, show)


def _label(plan: Plan, seconds: float, show: OnProgress) -> dict[str, Any]:
    count = stages.label_split(
        plan.at("corpus"),
        str(plan.at("base")),
        plan.at("labels.jsonl"),
        split="train",
        holes=plan.recipe.labelling.holes,
        seed=plan.recipe.seed,
        show=show,
        seconds=seconds,
        clock=plan.clock,
    )
    return {"examples": count}


def _label_validation(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    count = stages.label_split(
        plan.at("corpus"),
        str(plan.at("pack")),
        plan.at("validation.jsonl"),
        split="validation",
        holes=plan.recipe.labelling.validation_holes,
        seed=plan.recipe.seed,
        show=show,
    )
    return {"examples": count}


def _tune(plan: Plan, seconds: float, show: OnProgress) -> dict[str, Any]:
    settings = TuneSettings(epochs=plan.recipe.labelling.epochs, seed=plan.recipe.seed)
    count = stages.tune_checkpoint(
        plan.at("run") / CHECKPOINT,
        plan.at("labels.jsonl"),
        plan.at("tuned.pt"),
        settings,
        show=show,
        seconds=seconds,
        clock=plan.clock,
    )
    return {"examples": count}


def _calibrate(plan: Plan, _: float, show: OnProgress) -> dict[str, Any]:
    notes = f"Made by `repocomp train all` with the recipe {plan.recipe.name}."
    return stages.calibrate_pack(str(plan.at("pack")), plan.at("validation.jsonl"), plan.at("corpus"), notes)


STAGES = (
    Stage("corpus", f"corpus/{MANIFEST}", _corpus),
    Stage("tokenizer", "tokenizer.json", _tokenizer),
    Stage("data", "rows", _rows),
    Stage("pretrain", f"run/{CHECKPOINT}", _pretrain, share=0.75),
    Stage("export base", "base/pack.json", _export_base),
    Stage("mix base", "base/pack.json", _mix_base),
    Stage("label", "labels.jsonl", _label, share=0.15),
    Stage("tune", "tuned.pt", _tune, share=0.10),
    Stage("export", "pack/pack.json", _export_pack),
    Stage("mix", "pack/pack.json", _mix_pack),
    Stage("label validation", "validation.jsonl", _label_validation),
    Stage("calibrate", "pack/MODEL_CARD.md", _calibrate),
)
"""The order, and each stage's share of the hours."""


def _named(show: OnProgress, plan: Plan, number: int, started: float) -> OnProgress:
    """Add to what a stage shows its number and name, and what is left of the hours."""
    later = plan.seconds * sum(stage.share for stage in STAGES[number + 1 :])
    own = plan.seconds * STAGES[number].share

    def named(now: Progress) -> None:
        left = later + max(0.0, own - (plan.clock() - started))
        place = f"{number + 1}/{len(STAGES)} {STAGES[number].name}"
        show(replace(now, label=f"{place}, {duration(left)} of training left: {now.label}"))

    return named


def _first_undone(plan: Plan, done: list[Done]) -> int:
    names = [one.stage for one in done]
    for number, stage in enumerate(STAGES):
        if names[number : number + 1] != [stage.name] or not plan.at(stage.makes).exists():
            return number
    return len(STAGES)


def _remove_stale(plan: Plan, first: int) -> None:
    """Remove the outputs of the stages after `first`: they were made of something that is made again."""
    kept = {Path(stage.makes).parts[0] for stage in STAGES[: first + 1]}
    for stage in STAGES[first + 1 :]:
        path = plan.at(Path(stage.makes).parts[0])
        if path.name in kept:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


def _read_journal(plan: Plan) -> list[Done]:
    try:
        journal = json.loads(read_regular(plan.at(JOURNAL)))
    except FileNotFoundError:
        if plan.out.exists() and any(plan.out.iterdir()):
            raise TrainError(f"{plan.out}: holds other files", "name a new folder") from None
        return []
    except ValueError as error:
        raise TrainError(f"{plan.at(JOURNAL)}: {error}", "name a new folder") from error
    if journal["recipe"] != plan.recipe.digest:
        raise TrainError(f"{plan.out}: was begun with another recipe", "name a new folder, or use that recipe")
    return [Done(**one) for one in journal["done"]]


def _write_journal(plan: Plan, done: list[Done]) -> None:
    plan.out.mkdir(parents=True, exist_ok=True)
    temporary = plan.at(JOURNAL).with_suffix(".tmp")
    content = {"recipe": plan.recipe.digest, "done": [asdict(one) for one in done]}
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(temporary, plan.at(JOURNAL))
