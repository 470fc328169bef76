"""A checkpoint out of a folder with config.json, tokenizer.json and safetensors: Llama, Mistral and Qwen2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from repocomp.errors import PackError
from repocomp.model.graph.weights import Floats
from repocomp.model.importing import vocabulary
from repocomp.model.importing.checkpoint import (
    LAYER_PARTS,
    MOST_CONTEXT,
    Checkpoint,
    checked,
    refuse,
    scaled_factors,
)
from repocomp.model.importing.safetensors import SafetensorsFolder
from repocomp.model.shape import EMBEDDING, FINAL_NORM, HEAD, ModelShape
from repocomp.named_files import read_regular

_ARCHITECTURES = ("llama", "mistral", "qwen2")
_THEIR_NAMES = {
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
_INNER = ".rotary_emb.inv_freq"
"""Written by old versions of transformers, and the same as what config.json says."""
MOST_JSON_BYTES = 1 << 28


def open_safetensors(folder: Path) -> Checkpoint:
    """Read what a folder holds. Raises PackError where it is damaged or of a kind that is not supported."""
    config = read_json(folder / "config.json")
    architecture = config.get("model_type")
    if architecture not in _ARCHITECTURES:
        raise refuse(f"the architecture {architecture!r}", ", ".join(_ARCHITECTURES))
    if "quantization_config" in config:
        raise refuse(
            "a quantised safetensors folder", "float32, float16 and bfloat16; GGUF files for what is quantised"
        )
    if config.get("hidden_act", "silu") != "silu":
        raise refuse(f"the activation {config['hidden_act']!r}", "silu")
    file = SafetensorsFolder(folder)
    try:
        shape = _shape(config, file)
    except (KeyError, TypeError, ValueError) as error:
        raise PackError(f"{folder / 'config.json'} is damaged: {error}", "download it again") from error
    return checked(
        Checkpoint(
            architecture,
            shape,
            SafetensorsWeights(file, shape),
            vocabulary.from_tokenizer_json(read_text(folder / "tokenizer.json")),
            start=None if architecture == "qwen2" else first_id(config.get("bos_token_id")),
            end=first_id(config.get("eos_token_id")),
            facts={"folder": folder.name, "name": config.get("_name_or_path", "")},
        )
    )


class SafetensorsWeights:
    """The tensors of a folder by our names."""

    def __init__(self, file: SafetensorsFolder, shape: ModelShape) -> None:
        theirs = {EMBEDDING: "model.embed_tokens.weight", HEAD: "lm_head.weight", FINAL_NORM: "model.norm.weight"}
        for i in range(shape.n_layers):
            for part in LAYER_PARTS:
                name, kind = part.split(".")
                theirs[f"layers.{i}.{part}"] = f"model.layers.{i}.{_THEIR_NAMES[name]}.{kind}"
        unknown = set(file.names) - set(theirs.values())
        if unknown := {name for name in unknown if not name.endswith(_INNER)}:
            raise refuse(f"the tensor {min(unknown)!r}", "the layers of Llama, Mistral and Qwen2")
        self._file, self._theirs = file, theirs

    def size(self, name: str) -> tuple[int, ...] | None:
        """Shape of a weight."""
        theirs = self._theirs.get(name)
        return self._file.shape(theirs) if theirs is not None and theirs in self._file else None

    def rows(self, name: str, start: int, stop: int) -> Floats:
        """A part of a weight."""
        return self._file.rows(self._theirs[name], start, stop)

    def block_scales(self, name: str, start: int, stop: int, bits: int) -> Floats | None:
        """None: floats are not stored as integers."""
        return None


def first_id(value: object) -> int | None:
    """The token that a config names, or the first of several."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, int) else None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises PackError."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise PackError(f"{path} is damaged: {error}", "download it again") from error
    if not isinstance(content, dict):
        raise PackError(f"{path} is damaged: it holds no object", "download it again")
    return content


def read_text(path: Path) -> str:
    """The text of a file of bounded size. Raises PackError."""
    try:
        return read_regular(path, MOST_JSON_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"cannot read {path}: {error}", "download the whole folder") from error


def _shape(config: Mapping[str, Any], file: SafetensorsFolder) -> ModelShape:
    heads, width = int(config["num_attention_heads"]), int(config["hidden_size"])
    head_size = int(config.get("head_dim") or width // heads)
    window = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    rope = config.get("rope_parameters") or {}
    shape = ModelShape(
        vocab_size=int(config["vocab_size"]),
        d_model=width,
        n_layers=int(config["num_hidden_layers"]),
        n_heads=heads,
        n_kv_heads=int(config.get("num_key_value_heads") or heads),
        d_ff=int(config["intermediate_size"]),
        rope_theta=float(config.get("rope_theta") or rope.get("rope_theta") or 10000.0),
        norm_eps=float(config["rms_norm_eps"]),
        max_context=min(MOST_CONTEXT, int(config["max_position_embeddings"]), int(window or MOST_CONTEXT)),
        head_size=0 if head_size * heads == width else head_size,
        has_biases="model.layers.0.self_attn.q_proj.bias" in file,
        is_tied=bool(config.get("tie_word_embeddings", False)) or "lm_head.weight" not in file,
    )
    return replace(shape, rope_factors=scaled_factors(config.get("rope_scaling") or rope, shape))
