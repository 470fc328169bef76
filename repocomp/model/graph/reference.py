"""The model in plain NumPy float32: slow, short, and what every graph is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from repocomp.model.graph.weights import ArrayWeights, Floats, Weights, blocks_of_rows, whole
from repocomp.model.shape import EMBEDDING, FINAL_NORM, HEAD, ModelShape

Ids = npt.NDArray[np.int64]

_LAYER = ("attn_norm.weight", "q.weight", "k.weight", "v.weight", "o.weight", "mlp_norm.weight")
_MLP = ("gate.weight", "up.weight", "down.weight")
_BIASES = ("q.bias", "k.bias", "v.bias")


def forward(weights: Mapping[str, Floats], shape: ModelShape, ids: Ids) -> Floats:
    """Logits [T, V] of `ids` [T]."""
    return logits(ArrayWeights(weights), shape, hidden_states(ArrayWeights(weights), shape, [ids])[0])


def hidden_states(weights: Weights, shape: ModelShape, texts: list[Ids]) -> list[Floats]:
    """What the head reads, [T, d_model] of each of `texts` [T]. Each layer is read once for all of them."""
    states = [_embedded(weights, ids) for ids in texts]
    names = (*_LAYER, *_MLP, *(_BIASES if shape.has_biases else ()))
    for i in range(shape.n_layers):
        layer = {name: whole(weights, f"layers.{i}.{name}") for name in names}
        for at, x in enumerate(states):
            x = x + _attention(layer, shape, _norm(x, layer["attn_norm.weight"], shape.norm_eps))
            states[at] = x + _mlp(layer, _norm(x, layer["mlp_norm.weight"], shape.norm_eps))
    norm = whole(weights, FINAL_NORM)
    return [_norm(x, norm, shape.norm_eps) for x in states]


def logits(weights: Weights, shape: ModelShape, states: Floats) -> Floats:
    """Logits [T, V] of what the head reads, [T, d_model]."""
    out = np.empty((len(states), shape.vocab_size), np.float32)
    for at, name, start, stop in blocks_of_rows(weights, [EMBEDDING if shape.is_tied else HEAD]):
        out[:, at : at + stop - start] = states @ weights.rows(name, start, stop).T
    return out


def rotary_tables(shape: ModelShape) -> tuple[Floats, Floats]:
    """Cosine and sine [max_context, head_dim / 2] of position times theta^(-2i / head_dim)."""
    rates = shape.rope_theta ** -(np.arange(0, shape.head_dim, 2) / shape.head_dim)
    rates = rates / np.array(shape.rope_factors) if shape.rope_factors else rates
    angles = np.outer(np.arange(shape.max_context), rates)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def divergence(expected: Floats, actual: Floats) -> float:
    """Mean Kullback-Leibler divergence in nats from rows of logits [T, V] to others."""
    p, q = _log_softmax(expected), _log_softmax(actual)
    return float((np.exp(p) * (p - q)).sum(-1).mean())


def agreement(expected: Floats, actual: Floats) -> float:
    """Share of rows of logits [T, V] whose first choice is the same."""
    return float((expected.argmax(-1) == actual.argmax(-1)).mean())


def _log_softmax(rows: Floats) -> npt.NDArray[np.float64]:
    shifted = rows.astype(np.float64) - rows.max(-1, keepdims=True)
    result: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


def _embedded(weights: Weights, ids: Ids) -> Floats:
    return np.concatenate([weights.rows(EMBEDDING, i, i + 1) for i in ids.tolist()])


def _norm(x: Floats, weight: Floats, eps: float) -> Floats:
    normed: Floats = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + np.float32(eps)) * weight
    return normed


def _attention(layer: Mapping[str, Floats], shape: ModelShape, x: Floats) -> Floats:
    """Grouped-query attention: query head h reads key/value head h // (n_heads // n_kv_heads)."""
    q, k, v = (_heads(_product(layer, name, x), shape.head_dim) for name in "qkv")
    group = shape.n_heads // shape.n_kv_heads
    q, k = _rotate(q, shape), _rotate(k, shape)
    k, v = np.repeat(k, group, axis=0), np.repeat(v, group, axis=0)
    scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(shape.head_dim))
    scores = np.where(np.tri(len(x), dtype=bool), scores, np.float32(-np.inf))
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = scores / scores.sum(-1, keepdims=True) @ v
    out: Floats = mixed.transpose(1, 0, 2).reshape(len(x), -1) @ layer["o.weight"].T
    return out


def _product(layer: Mapping[str, Floats], name: str, x: Floats) -> Floats:
    out: Floats = x @ layer[f"{name}.weight"].T
    return out + layer[f"{name}.bias"] if f"{name}.bias" in layer else out


def _heads(x: Floats, head_dim: int) -> Floats:
    """[T, heads * head_dim] to [heads, T, head_dim]."""
    heads: Floats = x.reshape(len(x), -1, head_dim).transpose(1, 0, 2)
    return heads


def _rotate(x: Floats, shape: ModelShape) -> Floats:
    cos, sin = (table[: x.shape[1]] for table in rotary_tables(shape))
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _mlp(layer: Mapping[str, Floats], x: Floats) -> Floats:
    gate = x @ layer["gate.weight"].T
    out: Floats = (gate / (1 + np.exp(-gate)) * (x @ layer["up.weight"].T)) @ layer["down.weight"].T
    return out
