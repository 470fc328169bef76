"""The model in plain numpy float32: slow, short, and what every exported graph is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from repocomp.model.shape import ModelShape

Floats = npt.NDArray[np.float32]


def forward(weights: Mapping[str, Floats], shape: ModelShape, ids: npt.NDArray[np.int64]) -> Floats:
    """Logits [T, V] of `ids` [T]."""
    x = weights["embed.weight"][ids]
    for i in range(shape.n_layers):
        layer = {name: weights[f"layers.{i}.{name}.weight"] for name in _LAYER}
        x = x + _attention(layer, shape, _norm(x, layer["attn_norm"], shape.norm_eps))
        x = x + _mlp(layer, _norm(x, layer["mlp_norm"], shape.norm_eps))
    logits: Floats = _norm(x, weights["norm.weight"], shape.norm_eps) @ weights["embed.weight"].T
    return logits


_LAYER = ("attn_norm", "q", "k", "v", "o", "mlp_norm", "gate", "up", "down")


def rotary_tables(shape: ModelShape) -> tuple[Floats, Floats]:
    """Cosine and sine [max_context, head_dim / 2] of position times theta^(-2i / head_dim)."""
    rates = shape.rope_theta ** -(np.arange(0, shape.head_dim, 2) / shape.head_dim)
    angles = np.outer(np.arange(shape.max_context), rates)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _norm(x: Floats, weight: Floats, eps: float) -> Floats:
    normed: Floats = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + np.float32(eps)) * weight
    return normed


def _attention(layer: Mapping[str, Floats], shape: ModelShape, x: Floats) -> Floats:
    """Grouped-query attention: query head h reads key/value head h // (n_heads // n_kv_heads)."""
    q, k, v = (_heads(x @ layer[name].T, shape.head_dim) for name in "qkv")
    group = shape.n_heads // shape.n_kv_heads
    q, k = _rotate(q, shape), _rotate(k, shape)
    k, v = np.repeat(k, group, axis=0), np.repeat(v, group, axis=0)
    scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(shape.head_dim))
    scores = np.where(np.tri(len(x), dtype=bool), scores, np.float32(-np.inf))
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = scores / scores.sum(-1, keepdims=True) @ v
    out: Floats = mixed.transpose(1, 0, 2).reshape(len(x), -1) @ layer["o"].T
    return out


def _heads(x: Floats, head_dim: int) -> Floats:
    """[T, heads * head_dim] to [heads, T, head_dim]."""
    heads: Floats = x.reshape(len(x), -1, head_dim).transpose(1, 0, 2)
    return heads


def _rotate(x: Floats, shape: ModelShape) -> Floats:
    cos, sin = (table[: x.shape[1]] for table in rotary_tables(shape))
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _mlp(layer: Mapping[str, Floats], x: Floats) -> Floats:
    gate = x @ layer["gate"].T
    out: Floats = (gate / (1 + np.exp(-gate)) * (x @ layer["up"].T)) @ layer["down"].T
    return out
