"""The language model in PyTorch: the Llama-style decoder that `model/shape.py` describes and the exporter writes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from repocomp.model.shape import ModelShape

IGNORED = -1
"""The target of positions that are not learnt."""
_OUTPUT_SCALE = 0.3
"""Layers that write to the residual stream start small, so that depth does not blow it up."""


class Norm(nn.Module):
    """RMSNorm (Zhang and Sennrich 2019)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Scale [..., D] to unit mean square."""
        return functional.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class Layer(nn.Module):
    """Grouped-query attention with rotary embedding, then SwiGLU."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        d, hd = shape.d_model, shape.head_dim
        self.shape = shape
        self.attn_norm = Norm(d, shape.norm_eps)
        self.q = nn.Linear(d, shape.n_heads * hd, bias=False)
        self.k = nn.Linear(d, shape.n_kv_heads * hd, bias=False)
        self.v = nn.Linear(d, shape.n_kv_heads * hd, bias=False)
        self.o = nn.Linear(shape.n_heads * hd, d, bias=False)
        self.mlp_norm = Norm(d, shape.norm_eps)
        self.gate = nn.Linear(d, shape.d_ff, bias=False)
        self.up = nn.Linear(d, shape.d_ff, bias=False)
        self.down = nn.Linear(shape.d_ff, d, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[B, T, D] to [B, T, D]; `cos` and `sin` are [T, head_dim / 2]."""
        x = x + self._attend(self.attn_norm(x), cos, sin)
        h = self.mlp_norm(x)
        return x + self.down(functional.silu(self.gate(h)) * self.up(h))

    def _attend(self, h: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        shape = self.shape

        def heads(projected: Tensor, number: int) -> Tensor:
            return projected.view(*h.shape[:2], number, shape.head_dim).transpose(1, 2)

        q = _rotate(heads(self.q(h), shape.n_heads), cos, sin)
        group = shape.n_heads // shape.n_kv_heads
        k = _rotate(heads(self.k(h), shape.n_kv_heads), cos, sin).repeat_interleave(group, 1)
        v = heads(self.v(h), shape.n_kv_heads).repeat_interleave(group, 1)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        result: Tensor = self.o(mixed.transpose(1, 2).reshape(*h.shape[:2], -1))
        return result


class LanguageModel(nn.Module):
    """Ids [B, T] to hidden states and logits; embedding and head share their weights."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocab_size, shape.d_model)
        self.layers = nn.ModuleList([Layer(shape) for _ in range(shape.n_layers)])
        self.norm = Norm(shape.d_model, shape.norm_eps)
        half = torch.arange(0, shape.head_dim, 2).float() / shape.head_dim
        angles = torch.arange(shape.max_context).float()[:, None] / shape.rope_theta**half
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self._initialise()

    def hidden(self, ids: Tensor) -> Tensor:
        """Final hidden states [B, T, D], normalised."""
        length = ids.shape[1]
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length])
        result: Tensor = self.norm(x)
        return result

    def head(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] of hidden states [..., D]."""
        return hidden @ self.embed.weight.T

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the targets [B, T] that are not -1."""
        logits = self.head(self.hidden(ids))
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)

    def _initialise(self) -> None:
        for name, weight in self.named_parameters():
            if weight.ndim != 2:
                continue
            small = _OUTPUT_SCALE if name.endswith(("o.weight", "down.weight")) else 1.0
            nn.init.normal_(weight, std=0.02 if name == "embed.weight" else small / math.sqrt(weight.shape[1]))


def weights_of(model: LanguageModel) -> dict[str, npt.NDArray[np.float32]]:
    """The weights by name, as float32 arrays, for the exporter."""
    return {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}


def model_with(weights: dict[str, npt.NDArray[np.float32]], shape: ModelShape) -> LanguageModel:
    """A model that holds `weights`."""
    model = LanguageModel(shape)
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    return model


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding (Su et al. 2021) in the half-split form: features i and i + head_dim / 2 are a pair."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
