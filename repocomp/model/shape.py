"""The size of a language model, and the names and shapes of its weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A Llama-style decoder: RMSNorm, rotary embedding, SwiGLU, grouped-query attention.

    `vocab_size` is that of the head, which may be padded past the tokenizer's. `head_size` 0 means d_model / n_heads.
    `rope_factors` [head_dim / 2] divide the rotary frequencies, for contexts longer than the model was first trained
    on; empty: all one.
    """

    vocab_size: int = 8192
    d_model: int = 256
    n_layers: int = 6
    n_heads: int = 4
    n_kv_heads: int = 2
    d_ff: int = 640
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    max_context: int = 2048
    head_size: int = 0
    rope_factors: tuple[float, ...] = ()
    has_biases: bool = False
    """Whether queries, keys and values have them."""
    is_tied: bool = True
    """Whether the head is the embedding."""

    @property
    def head_dim(self) -> int:
        """Features of one attention head."""
        return self.head_size or self.d_model // self.n_heads

    @property
    def cache_bytes(self) -> int:
        """Keys and values of one sequence of `max_context` tokens, in 32-bit floats."""
        return 2 * self.n_layers * self.n_kv_heads * self.head_dim * self.max_context * 4


EMBEDDING, HEAD, FINAL_NORM = "embed.weight", "head.weight", "norm.weight"


def weight_shapes(shape: ModelShape) -> dict[str, tuple[int, ...]]:
    """Every weight by name, in `torch.nn.Linear` orientation [out, in]."""
    d, q, kv = shape.d_model, shape.n_heads * shape.head_dim, shape.n_kv_heads * shape.head_dim
    layer = {
        "attn_norm.weight": (d,),
        "q.weight": (q, d),
        "k.weight": (kv, d),
        "v.weight": (kv, d),
        **({"q.bias": (q,), "k.bias": (kv,), "v.bias": (kv,)} if shape.has_biases else {}),
        "o.weight": (d, q),
        "mlp_norm.weight": (d,),
        "gate.weight": (shape.d_ff, d),
        "up.weight": (shape.d_ff, d),
        "down.weight": (d, shape.d_ff),
    }
    shapes: dict[str, tuple[int, ...]] = {EMBEDDING: (shape.vocab_size, d)}
    for i in range(shape.n_layers):
        shapes.update({f"layers.{i}.{name}": size for name, size in layer.items()})
    return {**shapes, FINAL_NORM: (d,), **({} if shape.is_tied else {HEAD: (shape.vocab_size, d)})}
