"""The size of a language model, and the names and shapes of its weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A Llama-style decoder: RMSNorm, rotary embedding, SwiGLU, grouped-query attention, tied head."""

    vocab_size: int = 8192
    d_model: int = 256
    n_layers: int = 6
    n_heads: int = 4
    n_kv_heads: int = 2
    d_ff: int = 640
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    max_context: int = 2048

    @property
    def head_dim(self) -> int:
        """Features of one attention head."""
        return self.d_model // self.n_heads

    @property
    def cache_bytes(self) -> int:
        """Keys and values of one sequence of `max_context` tokens, in 32-bit floats."""
        return 2 * self.n_layers * self.n_kv_heads * self.head_dim * self.max_context * 4


def weight_shapes(shape: ModelShape) -> dict[str, tuple[int, ...]]:
    """Every weight by name, in `torch.nn.Linear` orientation [out, in]."""
    d, kv = shape.d_model, shape.n_kv_heads * shape.head_dim
    layer = {
        "attn_norm": (d,),
        "q": (shape.n_heads * shape.head_dim, d),
        "k": (kv, d),
        "v": (kv, d),
        "o": (d, shape.n_heads * shape.head_dim),
        "mlp_norm": (d,),
        "gate": (shape.d_ff, d),
        "up": (shape.d_ff, d),
        "down": (d, shape.d_ff),
    }
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (shape.vocab_size, d)}
    for i in range(shape.n_layers):
        shapes.update({f"layers.{i}.{name}.weight": size for name, size in layer.items()})
    return {**shapes, "norm.weight": (d,)}
