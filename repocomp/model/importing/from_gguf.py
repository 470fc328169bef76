"""A checkpoint out of a GGUF file: llama (Mistral is one) and qwen2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.graph.weights import BLOCK, Floats
from repocomp.model.importing import vocabulary
from repocomp.model.importing.checkpoint import LAYER_PARTS, MOST_CONTEXT, Checkpoint, checked, refuse
from repocomp.model.importing.gguf import LAYER_NAMES, THEIR_EMBEDDING, THEIR_FINAL_NORM, THEIR_HEAD, GgufFile, Tensor
from repocomp.model.shape import EMBEDDING, FINAL_NORM, HEAD, ModelShape

_ARCHITECTURES = ("llama", "qwen2")
_HINT = "download the file again"
_ROPE_FACTORS = "rope_freqs.weight"
_UNKNOWN_SETTINGS = (
    "expert_count",
    "attention.scale",
    "attn_logit_softcapping",
    "embedding_scale",
    "final_logit_softcapping",
    "logit_scale",
    "residual_scale",
)
"""Settings that change the arithmetic; architectures that have them are other ones under a known name."""
_EXACT_BITS = {"Q4_0": 4, "Q5_0": 8, "Q8_0": 8}
"""Types whose blocks of 32 are one 16-bit scale times integers, and the fewest bits of ours that hold those."""
_SAME_MATRIX = 0.35
"""Relative distance up to which two quantisations are of one matrix; unrelated ones are 1.4 apart."""


def open_gguf(path: Path) -> Checkpoint:
    """Read what a GGUF file holds. Raises PackError where it is damaged or of a kind that is not supported."""
    file = GgufFile(path)
    architecture = file.metadata.get("general.architecture")
    if architecture not in _ARCHITECTURES:
        raise refuse(f"the architecture {architecture!r}", ", ".join(_ARCHITECTURES))
    for name in _UNKNOWN_SETTINGS:
        if file.metadata.get(f"{architecture}.{name}"):
            raise refuse(f"a model with {architecture}.{name}", "models without it")
    weights = GgufWeights(file, _shape(file, architecture), is_permuted=architecture == "llama")
    metadata, text = file.metadata, vocabulary.from_gguf(file.metadata)
    has_start = metadata.get("tokenizer.ggml.add_bos_token", metadata.get("tokenizer.ggml.model") == "llama")
    return checked(
        Checkpoint(
            architecture,
            weights.shape,
            weights,
            text,
            start=metadata.get("tokenizer.ggml.bos_token_id") if has_start else None,
            end=metadata.get("tokenizer.ggml.eos_token_id"),
            licence=str(metadata.get("general.license", "unknown")),
            facts={"file": path.name, "bytes": path.stat().st_size, "name": metadata.get("general.name", "")},
        )
    )


class GgufWeights:
    """The tensors of a file by our names. `shape` says whether head and embedding are one matrix."""

    def __init__(self, file: GgufFile, shape: ModelShape, *, is_permuted: bool) -> None:
        self._file, self._is_permuted = file, is_permuted
        self._tensors = _by_our_names(file, shape)
        self.shape = self._tied(shape)

    def size(self, name: str) -> tuple[int, ...] | None:
        """Shape of a weight."""
        return self._tensors[name].shape if name in self._tensors else None

    def rows(self, name: str, start: int, stop: int) -> Floats:
        """A part of a weight, rotary pairs half a head apart as ours are."""
        tensor = self._tensors[name]
        if len(tensor.shape) == 1:
            values = self._file.rows(tensor, 0, 1)[0]
            return np.asarray(values[self._order(name, 0, tensor.shape[0])][start:stop])
        order, lowest, highest = self._span(name, start, stop)
        return self._file.rows(tensor, lowest, highest)[order - lowest]

    def block_scales(self, name: str, start: int, stop: int, bits: int) -> Floats | None:
        """The scales of types that are integers times a scale."""
        tensor = self._tensors[name]
        if _EXACT_BITS.get(tensor.kind, 99) > bits:
            return None
        order, lowest, highest = self._span(name, start, stop)
        blocks = self._file.raw_rows(tensor, lowest, highest).reshape(highest - lowest, tensor.shape[1] // BLOCK, -1)
        scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0]
        return np.asarray(scales[order - lowest], dtype=np.float32)

    def _span(self, name: str, start: int, stop: int) -> tuple[npt.NDArray[np.int64], int, int]:
        order = self._order(name, start, stop)
        return order, int(order.min()), int(order.max()) + 1

    def _order(self, name: str, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Where rows lie: llama.cpp's queries and keys have the two of a rotary pair beside each other."""
        rows = np.arange(start, stop)
        if not self._is_permuted or name.split(".")[-2] not in ("q", "k"):
            return rows
        half = self.shape.head_dim // 2
        head, inside = np.divmod(rows, 2 * half)
        return np.asarray(head * 2 * half + inside % half * 2 + inside // half)

    def _tied(self, shape: ModelShape) -> ModelShape:
        """Use one matrix for both ends where they are the same, the more precise of the two."""
        if HEAD not in self._tensors:
            return replace(shape, is_tied=True)
        head, embedding = self._tensors[HEAD], self._tensors[EMBEDDING]
        if head.shape != embedding.shape or not self._are_same(head, embedding):
            return replace(shape, is_tied=False)
        self._tensors[EMBEDDING] = max(embedding, head, key=lambda tensor: tensor.row_bytes)
        del self._tensors[HEAD]
        return replace(shape, is_tied=True)

    def _are_same(self, head: Tensor, embedding: Tensor) -> bool:
        places = np.linspace(0, head.shape[0] - 1, 64).astype(int).tolist()
        a, b = (np.concatenate([self._file.rows(one, at, at + 1) for at in places]) for one in (head, embedding))
        return bool(np.linalg.norm(a - b) <= _SAME_MATRIX * np.linalg.norm(a))


def _by_our_names(file: GgufFile, shape: ModelShape) -> dict[str, Tensor]:
    theirs = {THEIR_EMBEDDING: EMBEDDING, THEIR_HEAD: HEAD, THEIR_FINAL_NORM: FINAL_NORM}
    for i in range(shape.n_layers):
        for part in LAYER_PARTS:
            name, kind = part.split(".")
            theirs[f"blk.{i}.{LAYER_NAMES[name]}.{kind}"] = f"layers.{i}.{part}"
    unknown = [name for name in file.tensors if name not in theirs and name != _ROPE_FACTORS]
    if unknown:
        raise refuse(f"the tensor {unknown[0]!r}", "the layers of Llama, Mistral and Qwen2")
    return {theirs[name]: tensor for name, tensor in file.tensors.items() if name in theirs}


def _shape(file: GgufFile, architecture: str) -> ModelShape:
    def read(key: str, otherwise: Any = None) -> Any:  # noqa: ANN401  (any metadata)
        value = file.metadata.get(f"{architecture}.{key}", otherwise)
        if value is None:
            raise PackError(f"{file.path} does not say its {architecture}.{key}", _HINT)
        return value

    heads, width = int(read("attention.head_count")), int(read("embedding_length"))
    head_size = int(read("attention.key_length", width // heads))
    if int(read("rope.dimension_count", head_size)) != head_size:
        raise refuse("a rotary embedding of a part of a head", "one of whole heads")
    embedding = file.tensors.get(THEIR_EMBEDDING)
    context = min(MOST_CONTEXT, int(read("context_length")), int(read("attention.sliding_window", MOST_CONTEXT)))
    return ModelShape(
        vocab_size=embedding.shape[0] if embedding is not None else 0,
        d_model=width,
        n_layers=int(read("block_count")),
        n_heads=heads,
        n_kv_heads=int(read("attention.head_count_kv", heads)),
        d_ff=int(read("feed_forward_length")),
        rope_theta=float(read("rope.freq_base", 10000.0)),
        norm_eps=float(read("attention.layer_norm_rms_epsilon")),
        max_context=context,
        head_size=0 if head_size * heads == width else head_size,
        rope_factors=_rope_factors(file, file.metadata, architecture, head_size // 2),
        has_biases="blk.0.attn_q.bias" in file.tensors,
    )


def _rope_factors(file: GgufFile, metadata: Mapping[str, Any], architecture: str, half: int) -> tuple[float, ...]:
    if _ROPE_FACTORS in file.tensors:
        return tuple(file.rows(file.tensors[_ROPE_FACTORS], 0, 1)[0].tolist())
    kind = metadata.get(f"{architecture}.rope.scaling.type", "none")
    if kind == "linear":
        return (float(metadata[f"{architecture}.rope.scaling.factor"]),) * half
    if kind != "none":
        raise refuse(f"a scaling of positions of the kind {kind!r}", "none, linear")
    return ()
