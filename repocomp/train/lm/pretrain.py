"""Pre-training from scratch: next token and fill-in-the-middle, by a clock instead of a step count.

On a shared machine nobody knows how many steps an hour gives, so the schedule follows the share of the time budget that
is spent: warm up, hold, decay to nothing by its end (warm-up-stable-decay). Checkpoints are written by rename; a run
that stops is resumed with the time it had left, on the rows it had not read.

A borrowed accelerator, step by step. Make the rows before (`train data`), and carry the first shards over with the
code; begin at once, with hours that end a few minutes before the machine goes back, in a process of its own that
outlives the call that began it. Copy further shards into the folder of rows while it trains, each under another name
first and then renamed: the run reads them when it comes to them. Read the loss curve in `log.jsonl`, which has a line a
checkpoint. At the end, `train pieces` writes the weights in files small enough to be carried back, and `train join`
makes the checkpoint of them that `train export` and `train tune` read.

A run keeps the checkpoint of the moment before its decay, `stable.pt`. `--start` begins another run from it, in a
folder of its own: with more hours to train on, or with `--cooldown` to decay from the first step on. The file is only
read, so one stable checkpoint can be cooled down as often as wanted.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from repocomp.errors import TrainError
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.train.corpus.rows import read_shard, shards
from repocomp.train.lm.batches import Rows, as_batch
from repocomp.train.lm.checkpoint import read_checkpoint, tensors_of, write_checkpoint
from repocomp.train.lm.muon import Muon
from repocomp.train.lm.network import LanguageModel
from repocomp.train.recipe import Phase, Recipe, Schedule

CHECKPOINT, STABLE, LOG = "checkpoint.pt", "stable.pt", "log.jsonl"
_CHECKPOINT_SECONDS = 180
_FLOOR = 0.03
_VALIDATION_ROWS = 24

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(slots=True)
class _State:
    """Where a run is: the place in the rows of each phase, steps, tokens, seconds spent before this start."""

    places: list[list[int]]
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = math.nan


def pretrain(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    seconds: float,
    compiled: bool = True,
    start: Path | None = None,
    cooldown: bool = False,
    clock: Callable[[], float] = time.monotonic,
    progress: OnProgress = ignore,
) -> Path:
    """Train on the rows in `data` for `seconds` in all, resuming what `out` holds; returns the checkpoint.

    A run that `out` does not hold yet begins with the weights of the checkpoint `start`, where one is given; with
    `cooldown` it decays all the time. Raises TrainError when rows are missing.
    """
    run = _Run(cooled(recipe) if cooldown else recipe, data, out, start)
    began, saved, before = clock(), clock(), run.state.seconds
    if compiled:
        run.compile()
    while (done := run.state.seconds / seconds) < 1.0:
        if run.is_last_stable(done):
            run.save()
            shutil.copyfile(out / CHECKPOINT, out / STABLE)
        run.step(done)
        progress(Progress(done, 1.0, f"step {run.state.step}, loss {run.state.loss:.3f}"))
        run.state.seconds = before + clock() - began
        if clock() - saved > _CHECKPOINT_SECONDS:
            saved = clock()
            run.save()
    run.save()
    return out / CHECKPOINT


def cooled(recipe: Recipe) -> Recipe:
    """The recipe of a cooldown: the last phase and the largest batch, decaying from the first step to the last."""
    schedule = replace(recipe.schedule, decay_share=1.0, batch_tokens=recipe.schedule.batch_tokens[-1:])
    return replace(recipe, schedule=schedule, phases=tuple(replace(phase, start=0.0) for phase in recipe.phases))


def rate_at(schedule: Schedule, step: int, done: float) -> float:
    """The factor on the learning rates: linear up by steps, then one, then linear down by time."""
    up = min(1.0, step / schedule.warmup_steps)
    return up * min(1.0, max(_FLOOR, (1 - done) / schedule.decay_share))


def phase_at(phases: tuple[Phase, ...], done: float) -> int:
    """The number of the last phase that has begun."""
    return max(at for at, phase in enumerate(phases) if phase.start <= done)


class _Run:
    """A run under way: model, optimiser, rows and state, on the best device there is."""

    def __init__(self, recipe: Recipe, data: Path, out: Path, start: Path | None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out = recipe, out
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_float32_matmul_precision("high" if self.device == "cuda" else "highest")
        self.model = LanguageModel(recipe.shape).to(self.device)
        self.optimiser = Muon(self.model, recipe.schedule.muon_rate, recipe.schedule.adam_rate)
        self.state = self._begin(start)
        places = zip(recipe.phases, self.state.places, strict=True)
        self.rows = [Rows(data, "train", phase.tokens, place) for phase, place in places]
        self.held = [
            read_shard(shards(data, "validation", phase.tokens)[0])[:_VALIDATION_ROWS] for phase in recipe.phases
        ]
        self.loss_of: Loss = self.model
        self.is_stable = False

    def compile(self) -> None:
        """Compile the model, and try it; without a compiler, or with one that fails, it stays as it is."""
        compiled: Loss = torch.compile(self.model, dynamic=False)
        try:
            rows, phase = self.rows[0], self.recipe.phases[0]
            self._loss(compiled, *as_batch(rows.peek(phase.batch))).backward()
        except Exception as error:  # noqa: BLE001  (a compiler fails in many ways, none of them ours)
            self._note({"not compiled": f"{type(error).__name__}: {error}"[:500]})
        else:
            self.loss_of = compiled
        self.model.zero_grad(set_to_none=True)

    def is_last_stable(self, done: float) -> bool:
        """Whether the decay begins with the next step, and did not before."""
        was, self.is_stable = self.is_stable, done < 1 - self.recipe.schedule.decay_share
        return was and not self.is_stable

    def step(self, done: float) -> None:
        """One step of the optimiser, at the share `done` of the run."""
        state, schedule = self.state, self.recipe.schedule
        number = phase_at(self.recipe.phases, done)
        phase, rows = self.recipe.phases[number], self.rows[number]
        sizes = schedule.batch_tokens
        parts = max(1, sizes[min(int(done * len(sizes)), len(sizes) - 1)] // (phase.batch * phase.tokens))
        losses = []
        for _ in range(parts):
            loss = self._loss(self.loss_of, *rows.batch(phase.batch)) / parts
            loss.backward()
            losses.append(loss.detach())
        self.optimiser.step(rate_at(schedule, state.step, done))
        loss_now = float(torch.stack(losses).sum())
        state.places[number] = rows.place
        state.tokens += parts * phase.batch * phase.tokens
        state.step += 1
        state.loss = loss_now if math.isnan(state.loss) else 0.95 * state.loss + 0.05 * loss_now

    def save(self) -> None:
        """Write the checkpoint, and a line of the loss curve."""
        content = {
            "model": tensors_of(self.model),
            "shape": asdict(self.recipe.shape),
            "state": asdict(self.state),
            "optimiser": self.optimiser.state(),
        }
        write_checkpoint(self.out / CHECKPOINT, content)
        self._note({**asdict(self.state), **self._validate()})

    def _begin(self, start: Path | None) -> _State:
        fresh = _State([[0, 0] for _ in self.recipe.phases])
        own = self.out / CHECKPOINT
        source = own if own.exists() else start
        if source is None:
            return fresh
        saved = read_checkpoint(source)
        if source != own:
            # Weights alone, as pieces hold them, are warmed up again.
            kept = {"step": saved["state"]["step"], "tokens": saved["state"]["tokens"]} if "optimiser" in saved else {}
            saved["state"] = {**asdict(fresh), **kept}
        try:
            self.model.load_state_dict(saved["model"])
            if "optimiser" in saved:
                self.optimiser.load(saved["optimiser"])
            state = _State(**saved["state"])
        except (RuntimeError, TypeError, ValueError) as error:
            hint = "use its recipe, or name a new folder and --start from it"
            raise TrainError(f"{source}: is of another recipe or version", hint) from error
        if len(state.places) != len(fresh.places):
            raise TrainError(f"{source}: is of a recipe with other phases", "use its recipe, or name a new folder")
        return state

    def _loss(self, loss_of: Loss, inputs: Tensor, targets: Tensor) -> Tensor:
        with self._autocast():
            return loss_of(inputs.to(self.device), targets.to(self.device))

    def _autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda")

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Nats per token on unseen repositories, by row length. Not compiled: a few rows are not worth it."""
        result = {}
        for phase, held in zip(self.recipe.phases, self.held, strict=True):
            losses = [float(self._loss(self.model, *as_batch(held[at : at + 4]))) for at in range(0, len(held), 4)]
            result[f"loss_{phase.tokens}"] = sum(losses) / len(losses)
        return result

    def _note(self, facts: dict[str, object]) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        with (self.out / LOG).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(facts) + "\n")
