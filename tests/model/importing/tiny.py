"""Models of a few thousand weights, written the ways others publish theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from repocomp.model.graph.weights import Floats
from repocomp.model.shape import ModelShape, weight_shapes
from repocomp.model.tokenizer import byte_of_character

SHAPE = ModelShape(
    vocab_size=320, d_model=64, n_layers=2, n_heads=4, n_kv_heads=2, d_ff=96, rope_theta=1e4, max_context=64
)
LETTERS = list(byte_of_character())
MERGES = ["d e", "de f", "Ġ x", "Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "i n", "r e", "re t", "! !"]
CONTROL = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_sep|>", "<|im_end|>")
_GGUF_NAMES = {
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
_HF_NAMES = {
    "attn_norm": "input_layernorm",
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "mlp_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def random_weights(shape: ModelShape = SHAPE, seed: int = 0) -> dict[str, Floats]:
    """Weights by our names, of a size at which logits are of some."""
    random = np.random.default_rng(seed)
    return {
        name: (1 + random.normal(size=size) / 4 if len(size) == 1 else random.normal(size=size) / 6).astype(np.float32)
        for name, size in weight_shapes(shape).items()
    }


def vocabulary(size: int = SHAPE.vocab_size) -> tuple[list[str], list[int]]:
    """Byte-level tokens and their GGUF types: bytes, merges, control tokens, and padding up to `size`."""
    tokens = [*LETTERS, *(merge.replace(" ", "") for merge in MERGES), *CONTROL]
    kinds = [1] * (len(LETTERS) + len(MERGES)) + [3] * (len(CONTROL) - 1) + [4]
    padding = size - len(tokens)
    return [*tokens, *(f"[PAD{at}]" for at in range(padding))], [*kinds, *[5] * padding]


def write_gguf(
    path: Path,
    weights: Mapping[str, Floats],
    shape: ModelShape = SHAPE,
    architecture: str = "qwen2",
    kind: str = "F32",
    kinds: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    extra: Mapping[str, Floats] | None = None,
) -> Path:
    """Write a file with matrices of the quantisation `kind`; `kinds` are those of single tensors by their names."""
    writer = gguf.GGUFWriter(path, architecture)
    _write_sizes(writer, shape)
    _write_vocabulary(writer, shape)
    for key, value in (metadata or {}).items():
        writer.add_key_value(key, value, _kind_of(value))
    for name, array in {**_theirs(weights, shape, architecture), **(extra or {})}.items():
        wanted = gguf.GGMLQuantizationType[(kinds or {}).get(name, kind) if array.ndim > 1 else "F32"]
        writer.add_tensor(name, gguf.quantize(array, wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_sizes(writer: gguf.GGUFWriter, shape: ModelShape) -> None:
    writer.add_context_length(shape.max_context)
    writer.add_embedding_length(shape.d_model)
    writer.add_block_count(shape.n_layers)
    writer.add_feed_forward_length(shape.d_ff)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_layer_norm_rms_eps(shape.norm_eps)


def _write_vocabulary(writer: gguf.GGUFWriter, shape: ModelShape) -> None:
    tokens, kinds = vocabulary(shape.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(MERGES)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))


def dequantised(weights: Mapping[str, Floats], kind: str) -> dict[str, Floats]:
    """The weights as a file of `kind` holds them."""
    known = gguf.GGMLQuantizationType[kind]
    return {
        name: gguf.dequantize(gguf.quantize(array, known), known).astype(np.float32) if array.ndim > 1 else array
        for name, array in weights.items()
    }


def write_safetensors(
    folder: Path, weights: Mapping[str, Floats], shape: ModelShape = SHAPE, kind: str = "F32", **config: Any
) -> Path:
    """Write config.json, tokenizer.json and model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    blob = bytearray()
    for name, array in weights.items():
        data = _stored(array, kind)
        header[_hf_name(name)] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [len(blob), len(blob) + len(data)],
        }
        blob += data
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + blob)
    (folder / "config.json").write_text(json.dumps({**_config(shape), **config}))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json()))
    return folder


def tokenizer_json() -> dict[str, Any]:
    """A byte-level vocabulary as others write it: normalised, with control tokens that are not marked as such."""
    tokens, kinds = vocabulary()
    named = {token: at for at, token in enumerate(tokens) if kinds[at] == 1}
    added = [
        {
            "id": at,
            "content": token,
            "special": False,
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
        }
        for at, token in enumerate(tokens)
        if kinds[at] in (3, 4)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": named, "merges": MERGES},
    }


def _config(shape: ModelShape) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.d_model,
        "num_hidden_layers": shape.n_layers,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads,
        "head_dim": shape.head_dim,
        "intermediate_size": shape.d_ff,
        "rope_theta": shape.rope_theta,
        "rms_norm_eps": shape.norm_eps,
        "max_position_embeddings": shape.max_context,
        "tie_word_embeddings": shape.is_tied,
        "eos_token_id": vocabulary()[0].index("<|im_end|>"),
    }


def _hf_name(name: str) -> str:
    whole = {
        "embed.weight": "model.embed_tokens.weight",
        "head.weight": "lm_head.weight",
        "norm.weight": "model.norm.weight",
    }
    if name in whole:
        return whole[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{_HF_NAMES[part]}.{kind}"


def _stored(array: Floats, kind: str) -> bytes:
    if kind == "BF16":
        return (array.view(np.uint32) >> 16).astype("<u2").tobytes()
    return array.astype({"F32": "<f4", "F16": "<f2"}[kind]).tobytes()


def _theirs(weights: Mapping[str, Floats], shape: ModelShape, architecture: str) -> dict[str, Floats]:
    whole = {"embed.weight": "token_embd.weight", "head.weight": "output.weight", "norm.weight": "output_norm.weight"}
    named = {}
    for name, array in weights.items():
        if name in whole:
            named[whole[name]] = array
            continue
        _, layer, part, kind = name.split(".")
        if architecture == "llama" and part in ("q", "k"):
            array = _interleaved(array, shape.n_heads if part == "q" else shape.n_kv_heads)
        named[f"blk.{layer}.{_GGUF_NAMES[part]}.{kind}"] = array
    return named


def _interleaved(array: Floats, heads: int) -> Floats:
    """Rows of queries or keys as llama.cpp wants them: the two of a rotary pair beside each other."""
    halves = array.reshape(heads, 2, -1, *array.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(array.shape))


def _kind_of(value: object) -> gguf.GGUFValueType:
    kinds = {bool: "BOOL", int: "UINT32", float: "FLOAT32", str: "STRING"}
    return gguf.GGUFValueType[kinds[type(value)]]


def ids(count: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Ids of some tokens that spell something."""
    return np.random.default_rng(seed).integers(0, len(LETTERS), count)


def untied(shape: ModelShape = SHAPE) -> ModelShape:
    """A shape with a head of its own."""
    return replace(shape, is_tied=False)
