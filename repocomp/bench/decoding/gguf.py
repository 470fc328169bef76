"""A pack's weights as a GGUF file, so that llama.cpp runs the very model that runs here.

Version 3 of the format: a header, key-value pairs, a table of tensors, then the tensors themselves, each at a multiple
of 32 bytes (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Everything is little-endian.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from repocomp.model.pack import TOKENIZER, Pack
from repocomp.model.shape import ModelShape
from repocomp.model.weights import weights_of

Floats = npt.NDArray[np.float32]
Value = str | bool | int | float | Sequence[str] | Sequence[int]

_MAGIC, _VERSION, _ALIGNMENT = b"GGUF", 3, 32
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_F32 = 0
_NORMAL, _CONTROL = 1, 3
_NAMES = {
    "attn_norm": "attn_norm",
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "o": "attn_output",
    "mlp_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
"""What llama.cpp calls the parts of a layer."""


def write_gguf(pack: Pack, path: Path) -> None:
    """Write the weights of `pack` as 32-bit floats, and as much of its tokenizer as loading asks for.

    llama.cpp splits text into words by a rule of its own: ids are comparable, its tokenization of text is not.
    Raises PackError where the weights cannot be read back.
    """
    tensors = dict(_tensors(weights_of(pack), pack.shape))
    with path.open("wb") as file:
        metadata = {**_model(pack), **_vocabulary(json.loads((pack.folder / TOKENIZER).read_bytes()), pack)}
        file.write(_MAGIC + struct.pack("<IQQ", _VERSION, len(tensors), len(metadata)))
        for key, value in metadata.items():
            file.write(_string(key) + _typed(value))
        offset = 0
        for name, tensor in tensors.items():
            # Dimensions are listed from the innermost outwards.
            sizes = tensor.shape[::-1]
            file.write(_string(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, _F32, offset))
            offset += _aligned(tensor.nbytes)
        file.write(bytes(_aligned(file.tell()) - file.tell()))
        for tensor in tensors.values():
            file.write(tensor.astype("<f4").tobytes())
            file.write(bytes(_aligned(file.tell()) - file.tell()))


def _model(pack: Pack) -> dict[str, Value]:
    shape = pack.shape
    return {
        "general.architecture": "llama",
        "general.name": pack.name,
        "llama.vocab_size": shape.vocab_size,
        "llama.context_length": shape.max_context,
        "llama.embedding_length": shape.d_model,
        "llama.block_count": shape.n_layers,
        "llama.feed_forward_length": shape.d_ff,
        "llama.attention.head_count": shape.n_heads,
        "llama.attention.head_count_kv": shape.n_kv_heads,
        "llama.attention.layer_norm_rms_epsilon": float(shape.norm_eps),
        "llama.rope.dimension_count": shape.head_dim,
        "llama.rope.freq_base": float(shape.rope_theta),
    }


def _vocabulary(tokenizer: Mapping[str, Mapping[str, Mapping[str, int]]], pack: Pack) -> dict[str, Value]:
    """Byte-level BPE, as GPT-2's; special tokens are part of the vocabulary."""
    spelled = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    tokens = [text for text, _ in spelled]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [_CONTROL if number in pack.tokens.all else _NORMAL for _, number in spelled],
        "tokenizer.ggml.merges": [
            merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]
        ],
        "tokenizer.ggml.bos_token_id": pack.tokens.end,
        "tokenizer.ggml.eos_token_id": pack.tokens.end,
        "tokenizer.ggml.add_bos_token": False,
    }


def _tensors(weights: Mapping[str, Floats], shape: ModelShape) -> Iterator[tuple[str, Floats]]:
    """The head is the embedding: llama.cpp ties them where no output matrix is given."""
    yield "token_embd.weight", weights["embed.weight"]
    for layer in range(shape.n_layers):
        for ours, theirs in _NAMES.items():
            matrix = weights[f"layers.{layer}.{ours}.weight"]
            if ours in ("q", "k"):
                matrix = _interleaved(matrix, shape.n_heads if ours == "q" else shape.n_kv_heads)
            yield f"blk.{layer}.{theirs}.weight", matrix
    yield "output_norm.weight", weights["norm.weight"]


def _interleaved(matrix: Floats, heads: int) -> Floats:
    """Rows of queries or keys so that rotary pairs are neighbours; here features i and i + head_dim / 2 are a pair."""
    halves = matrix.reshape(heads, 2, -1, matrix.shape[1])
    return halves.swapaxes(1, 2).reshape(matrix.shape)


def _typed(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _string(value)
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", _FLOAT32, value)
    kind = _STRING if isinstance(value[0], str) else _INT32
    items = (_string(item) if isinstance(item, str) else struct.pack("<i", item) for item in value)
    return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(items)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
