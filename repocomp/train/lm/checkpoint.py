"""Checkpoints: files of weights and whatever a run needs to resume, written by rename."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from repocomp.errors import TrainError
from repocomp.model.shape import ModelShape
from repocomp.named_files import open_regular
from repocomp.train.lm.network import LanguageModel, model_with, weights_of


def load_weights(checkpoint: Path) -> tuple[dict[str, npt.NDArray[np.float32]], ModelShape]:
    """The weights of a checkpoint as float32 arrays by name, and their shape. Raises TrainError."""
    saved = read_checkpoint(checkpoint)
    return {name: value.float().numpy() for name, value in saved["model"].items()}, ModelShape(**saved["shape"])


def load_model(checkpoint: Path) -> LanguageModel:
    """The model of a checkpoint."""
    return model_with(*load_weights(checkpoint))


def save_model(model: LanguageModel, checkpoint: Path) -> None:
    """Write a model alone, as tuning leaves it."""
    write_checkpoint(checkpoint, {"model": tensors_of(model), "shape": asdict(model.shape)})


def tensors_of(model: LanguageModel) -> dict[str, Tensor]:
    """The weights by name, float32 and on the CPU."""
    return {name: torch.from_numpy(value) for name, value in weights_of(model).items()}


def read_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """What a checkpoint holds. Raises TrainError when it cannot be read."""
    try:
        with open_regular(checkpoint) as file:
            content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  (what unpickling a damaged file raises is anything)
        raise TrainError(f"{checkpoint}: cannot be read: {error}", "repocomp train pretrain ROWS OUT") from error
    return content


def write_checkpoint(checkpoint: Path, content: dict[str, Any]) -> None:
    """Write `content`, all of it or nothing."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    temporary = checkpoint.with_suffix(".tmp")
    torch.save(content, temporary)
    os.replace(temporary, checkpoint)
