"""A model as others publish it: its shape, its weights by our names, its vocabulary.

What is not known exactly is refused by its name and never guessed: an architecture, a tensor, a way to scale positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from repocomp.errors import PackError
from repocomp.model.graph.weights import Weights, check_weights
from repocomp.model.importing.vocabulary import Vocabulary
from repocomp.model.pack import Budgets
from repocomp.model.shape import ModelShape

MOST_CONTEXT = 4096
"""Keys and values are kept for so many tokens: 100 MB for the smallest Qwen."""
LAYER_PARTS = (
    "attn_norm.weight",
    "q.weight",
    "k.weight",
    "v.weight",
    "q.bias",
    "k.bias",
    "v.bias",
    "o.weight",
    "mlp_norm.weight",
    "gate.weight",
    "up.weight",
    "down.weight",
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a pack is made from. `start` and `end` are the ids that its own metadata name."""

    architecture: str
    shape: ModelShape
    weights: Weights
    vocabulary: Vocabulary
    start: int | None = None
    end: int | None = None
    licence: str = "unknown"
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Where it came from, for people."""


def budgets_for(context: int) -> Budgets:
    """How the context of a model is shared out: half before the cursor, an eighth behind it, a quarter of snippets."""
    usable = min(context, MOST_CONTEXT // 2)
    return Budgets(left=usable // 2, right=usable // 8, cross_file=usable // 4, middle=min(128, usable // 16))


def refuse(what: str, known: str) -> PackError:
    """The error for what is not known."""
    return PackError(f"{what} is not supported", f"supported: {known}")


def checked(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint, where every weight is there and of the right shape. Raises PackError."""
    try:
        check_weights(checkpoint.weights, checkpoint.shape)
    except ValueError as error:
        raise PackError(f"the model does not fit together: {error}", "download it again") from error
    return checkpoint


def scaled_factors(scaling: Mapping[str, Any], shape: ModelShape) -> tuple[float, ...]:
    """What the rotary frequencies are divided by, of a `rope_scaling` of config.json. Raises PackError."""
    import numpy as np

    kind = scaling.get("rope_type", scaling.get("type", "default"))
    half = shape.head_dim // 2
    if kind == "default":
        return ()
    if kind == "linear":
        return (float(scaling["factor"]),) * half
    if kind != "llama3":
        raise refuse(f"a scaling of positions of the kind {kind!r}", "default, linear, llama3")
    low, high, factor = (float(scaling[name]) for name in ("low_freq_factor", "high_freq_factor", "factor"))
    waves = 2 * np.pi * shape.rope_theta ** (np.arange(half) / half)
    turns = float(scaling["original_max_position_embeddings"]) / waves
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    return tuple((1 / ((1 - smooth) / factor + smooth)).tolist())
