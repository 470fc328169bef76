"""Pre-training from scratch: next token and fill-in-the-middle, by a clock instead of a step count.

On a shared machine nobody knows how many steps an hour gives, so the schedule follows the share of the time budget that
is spent: warm up, hold, decay to nothing by its end (warm-up-stable-decay). Checkpoints are written by rename; a run
that stops is resumed with the time it had left, on the rows it had not read.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from repocomp.errors import TrainError
from repocomp.model.shape import ModelShape
from repocomp.train.data import Rows
from repocomp.train.lm import LanguageModel, model_with, weights_of
from repocomp.train.muon import Muon
from repocomp.train.recipe import Phase, Recipe, Schedule

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"
_CHECKPOINT_SECONDS = 180
_FLOOR = 0.03
_VALIDATION_ROWS = 24


@dataclass(frozen=True, slots=True)
class PretrainProgress:
    """A step done: its loss in nats a token (running mean), tokens read so far, share of the time spent."""

    step: int
    tokens: int
    loss: float
    done: float


@dataclass(slots=True)
class _State:
    """Where a run is: rows read by phase, steps, tokens, seconds spent before this start."""

    rows: list[int]
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
    clock: Callable[[], float] = time.monotonic,
    progress: Callable[[PretrainProgress], None] | None = None,
) -> Path:
    """Train on the rows in `data` for `seconds` in all, resuming what `out` holds; returns the checkpoint.

    Raises TrainError when rows are missing.
    """
    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = LanguageModel(recipe.shape).to(device)
    optimiser = Muon(model, recipe.schedule.muon_rate, recipe.schedule.adam_rate)
    state = _resume(out / CHECKPOINT, model, optimiser) or _State([0] * len(recipe.phases))
    rows = [Rows.open(data, "train", phase.tokens) for phase in recipe.phases]
    loss_of: Callable[[Tensor, Tensor], Tensor] = torch.compile(model) if compiled else model
    before, started = state.seconds, clock()
    saved = started
    while True:
        state.seconds = before + clock() - started
        done = state.seconds / seconds
        if done >= 1.0:
            break
        number = phase_at(recipe.phases, done)
        size = recipe.schedule.batch_tokens[min(int(done * 3), len(recipe.schedule.batch_tokens) - 1)]
        loss = _step(loss_of, rows[number], recipe.phases[number], size, state, number, device)
        optimiser.step(rate_at(recipe.schedule, state.step, done))
        state.step += 1
        state.loss = loss if math.isnan(state.loss) else 0.95 * state.loss + 0.05 * loss
        if progress is not None:
            progress(PretrainProgress(state.step, state.tokens, state.loss, done))
        if clock() - saved > _CHECKPOINT_SECONDS:
            saved = clock()
            _save(out, model, optimiser, state, recipe, _validate(loss_of, data, recipe, device))
    _save(out, model, optimiser, state, recipe, _validate(loss_of, data, recipe, device))
    return out / CHECKPOINT


def rate_at(schedule: Schedule, step: int, done: float) -> float:
    """The factor on the learning rates: linear up by steps, then one, then linear down by time."""
    up = min(1.0, step / schedule.warmup_steps)
    return up * min(1.0, max(_FLOOR, (1 - done) / schedule.decay_share))


def phase_at(phases: tuple[Phase, ...], done: float) -> int:
    """The number of the last phase that has begun."""
    return max(at for at, phase in enumerate(phases) if phase.start <= done)


def load_weights(checkpoint: Path) -> tuple[dict[str, npt.NDArray[np.float32]], ModelShape]:
    """The weights of a checkpoint as float32 arrays by name, and their shape. Raises TrainError."""
    saved = _read(checkpoint)
    return {name: value.float().numpy() for name, value in saved["model"].items()}, ModelShape(**saved["shape"])


def load_model(checkpoint: Path) -> LanguageModel:
    """The model of a checkpoint."""
    return model_with(*load_weights(checkpoint))


def save_model(model: LanguageModel, checkpoint: Path) -> None:
    """Write a model alone, as tuning leaves it."""
    _write(checkpoint, {"model": _tensors(model), "shape": asdict(model.shape)})


def _step(
    loss_of: Callable[[Tensor, Tensor], Tensor],
    rows: Rows,
    phase: Phase,
    batch_tokens: int,
    state: _State,
    number: int,
    device: str,
) -> float:
    """Accumulate the gradient of about `batch_tokens` tokens; returns the mean loss."""
    parts = max(1, batch_tokens // (phase.batch * phase.tokens))
    total = 0.0
    for _ in range(parts):
        ids, targets = rows.batch(state.rows[number], phase.batch)
        state.rows[number] += phase.batch
        state.tokens += phase.batch * phase.tokens
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = loss_of(ids.to(device), targets.to(device))
        (loss / parts).backward()
        total += float(loss.detach()) / parts
    return total


@torch.no_grad()
def _validate(loss_of: Callable[[Tensor, Tensor], Tensor], data: Path, recipe: Recipe, device: str) -> dict[str, float]:
    """Nats a token on unseen repositories, by row length."""
    result = {}
    for phase in recipe.phases:
        rows = Rows.open(data, "validation", phase.tokens)
        losses = [
            float(loss_of(*(part.to(device) for part in rows.batch(at, phase.batch))))
            for at in range(0, max(phase.batch, min(len(rows), _VALIDATION_ROWS) - phase.batch + 1), phase.batch)
        ]
        result[f"loss_{phase.tokens}"] = sum(losses) / len(losses)
    return result


def _save(
    out: Path, model: LanguageModel, optimiser: Muon, state: _State, recipe: Recipe, measured: dict[str, float]
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    content = {"model": _tensors(model), "shape": asdict(recipe.shape), "state": asdict(state)}
    _write(out / CHECKPOINT, {**content, "optimiser": optimiser.state()})
    with (out / LOG).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**asdict(state), **measured}) + "\n")


def _resume(checkpoint: Path, model: LanguageModel, optimiser: Muon) -> _State | None:
    if not checkpoint.exists():
        return None
    saved = _read(checkpoint)
    model.load_state_dict(saved["model"])
    optimiser.load(saved["optimiser"])
    return _State(**saved["state"])


def _tensors(model: LanguageModel) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in weights_of(model).items()}


def _read(checkpoint: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise TrainError(f"{checkpoint}: cannot be read: {error}", "repocomp train pretrain") from error
    return content


def _write(checkpoint: Path, content: dict[str, Any]) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    temporary = checkpoint.with_suffix(".tmp")
    torch.save(content, temporary)
    os.replace(temporary, checkpoint)
