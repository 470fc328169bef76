"""The ONNX graph of a model, assembled by hand from its weights.

About 35 nodes per layer, all operators of stock ONNX Runtime. Attention is one GroupQueryAttention over packed query,
key and value, with the rotary embedding inside and past and present in the same buffers. Activations are quantised
*per token*, so an answer does not depend on how its tokens were split into runs; the usual per-tensor quantisation
would make it so, and forbid prefix reuse and speculation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from repocomp.model.graph.quantize import INT8_LEVELS, int8_rows, int_blocks
from repocomp.model.graph.reference import rotary_tables
from repocomp.model.graph.weights import BLOCK, Floats, Weights, blocks_of_rows, check_weights, whole
from repocomp.model.graph.write import MICROSOFT, ExternalData, Graph
from repocomp.model.shape import EMBEDDING, FINAL_NORM, HEAD, ModelShape

Precision = Literal["int8", "int8-blocks", "int4", "float32", "float16"]
"""int8: a scale per output channel. int8-blocks, int4: a scale per 32 inputs.

Embedding and head of a large model are in int8 blocks in each of them: what the head reads has outliers that one scale
per token is too coarse for, and both ends of a tied model are then the same bytes.
"""

_ZERO_POINT = 128
"""Of the activations: the integer kernels of x86 want them unsigned, and the weights signed. (Unsigned
weights, exact on CPUs with AVX2 but without VNNI, cost half of the prefill: `model.saturation`.)"""
_ATTENTION_INPUTS = ("seqlens_k", "total_sequence_length", "rope.cos", "rope.sin")
_BITS = {"int8-blocks": 8, "int4": 4}


def build(weights: Weights, shape: ModelShape, precision: Precision, data: ExternalData | None = None) -> bytes:
    """Assemble the model with its matrices in `precision`; where that is an integer, all else stays float32.

    Inputs: `input_ids` int64 [1, T]; `seqlens_k` int32 [1] = past + T - 1; `total_sequence_length` int32
    [1] = past + T; `num_logits_to_keep` int64 [1]; `past.{i}.{key,value}` float [1, kv heads, max_context,
    head_dim], to be bound to the memory of `present.{i}.{key,value}`. Output: `logits` float32 [1, keep,
    vocabulary]. "float16" is for CUDA. With `data`, large constants go there. Raises ValueError where a weight is
    missing or has another shape.
    """
    check_weights(weights, shape)
    builder = _Builder(weights, shape, precision, Graph(data), is_external=data is not None)
    builder.assemble()
    return builder.graph.serialized()


class _Builder:
    """A method that adds nodes returns the name of its result."""

    def __init__(
        self, weights: Weights, shape: ModelShape, precision: Precision, graph: Graph, *, is_external: bool
    ) -> None:
        self.weights, self.shape, self.precision, self.graph = weights, shape, precision, graph
        self.is_external = is_external
        self.is_integer = precision.startswith("int")
        self.has_block_ends = self.is_integer and (is_external or precision == "int8-blocks")
        self.dtype = np.dtype(np.float16 if precision == "float16" else np.float32)

    def assemble(self) -> None:
        """Add every node from the ids to the logits."""
        self._declare()
        self._shared_constants()
        hidden, branch = self._embedding(), ""
        for i in range(self.shape.n_layers):
            hidden, normed = self._add_and_norm(hidden, branch, f"layers.{i}.attn_norm")
            branch = self._attention(f"layers.{i}", i, normed)
            hidden, normed = self._add_and_norm(hidden, branch, f"layers.{i}.mlp_norm")
            branch = self._mlp(f"layers.{i}", normed)
        _, normed = self._add_and_norm(hidden, branch, "norm", keeps_sum=False)
        self._head(normed)

    def _declare(self) -> None:
        graph, shape = self.graph, self.shape
        graph.input("input_ids", "int64", [1, "T"])
        graph.input("seqlens_k", "int32", [1])
        graph.input("total_sequence_length", "int32", [1])
        graph.input("num_logits_to_keep", "int64", [1])
        graph.output("logits", "float32", [1, "keep", shape.vocab_size])
        size = (1, shape.n_kv_heads, shape.max_context, shape.head_dim)
        for i in range(shape.n_layers):
            for part in ("key", "value"):
                graph.input(f"past.{i}.{part}", self.dtype.name, size)
                graph.output(f"present.{i}.{part}", self.dtype.name, size)

    def _float_constant(self, name: str, value: Floats) -> str:
        return self.graph.constant(name, value.astype(self.dtype))

    def _shared_constants(self) -> None:
        cos, sin = rotary_tables(self.shape)
        self._float_constant("rope.cos", cos)
        self._float_constant("rope.sin", sin)
        if self.is_integer:
            self.graph.constant("one", np.array(1, np.float32))
            self.graph.constant("level", np.array(1 / INT8_LEVELS, np.float32))
            self.graph.constant("zero", np.array(_ZERO_POINT, np.uint8))
            self.graph.constant("flat", np.array([-1], np.int64))
            self._zero_points("input_ids", "zeros")

    def _embedding(self) -> str:
        """Read rows of the embedding."""
        node = self.graph.node
        if self.has_block_ends:
            return self._block_embedding()
        if not self.is_integer:
            self._float_constant("embed", whole(self.weights, EMBEDDING))
            return node("Gather", ["embed", "input_ids"], "hidden")
        matrix, scale = self._int8_rows([EMBEDDING], is_transposed=False)
        self.graph.constant("embed", matrix)
        self.graph.constant("embed.scale", scale)
        rows = node("Gather", ["embed", "input_ids"], "hidden.int8")
        scales = node("Gather", ["embed.scale", "input_ids"], "hidden.scale")
        scales = node("Reshape", [scales, "flat"], "hidden.scale.flat")
        return node("DequantizeLinear", [rows, scales], "hidden", axis=1)

    def _block_embedding(self) -> str:
        levels, scales = self._blocks([EMBEDDING], 8)
        vocabulary, d = self.shape.vocab_size, self.shape.d_model
        self.graph.constant("embed", levels.reshape(vocabulary, d))
        self.graph.constant("embed.scale", scales)
        size = {"gather_axis": 0, "quantize_axis": 1, "block_size": BLOCK, "bits": 8}
        return self.graph.node(
            "GatherBlockQuantized", ["embed", "input_ids", "embed.scale"], "hidden", MICROSOFT, **size
        )

    def _attention(self, name: str, i: int, x: str) -> str:
        query = self._linear(f"{name}.qkv", [f"{name}.{part}" for part in "qkv"], x)
        if self.shape.has_biases:
            bias = np.concatenate([whole(self.weights, f"{name}.{part}.bias") for part in "qkv"])
            query = self.graph.node("Add", [query, self._float_constant(f"{name}.qkv.bias", bias)], f"{name}.biased")
        mixed = self.graph.nodes(
            "GroupQueryAttention",
            (query, "", "", f"past.{i}.key", f"past.{i}.value", *_ATTENTION_INPUTS),
            (f"{name}.mixed", f"present.{i}.key", f"present.{i}.value"),
            MICROSOFT,
            num_heads=self.shape.n_heads,
            kv_num_heads=self.shape.n_kv_heads,
            do_rotary=1,
            rotary_interleaved=0,
        )[0]
        return self._linear(f"{name}.o", [f"{name}.o"], mixed)

    def _mlp(self, name: str, x: str) -> str:
        both = self._linear(f"{name}.gate_up", [f"{name}.gate", f"{name}.up"], x)
        gate, up = self.graph.nodes("Split", [both], (f"{name}.gate", f"{name}.up"), axis=-1)
        # x * sigmoid(alpha * x): SiLU where alpha is one.
        gate = self.graph.node("QuickGelu", [gate], f"{name}.silu", MICROSOFT, alpha=1.0)
        product = self.graph.node("Mul", [gate, up], f"{name}.gated")
        return self._linear(f"{name}.down", [f"{name}.down"], product)

    def _add_and_norm(self, hidden: str, branch: str, name: str, keeps_sum: bool = True) -> tuple[str, str]:
        """Add `branch` to the residual stream: the sum, and its RMSNorm. No branch yet: the norm alone."""
        weight = FINAL_NORM if name == "norm" else f"{name}.weight"
        gamma = self._float_constant(weight, whole(self.weights, weight))
        eps = float(self.shape.norm_eps)
        if not branch:
            self.graph.node("SimplifiedLayerNormalization", [hidden, gamma], name, epsilon=eps, axis=-1)
            return hidden, name
        outputs = (name, "", "", f"{name}.sum") if keeps_sum else (name,)
        self.graph.nodes("SkipSimplifiedLayerNormalization", [hidden, branch, gamma], outputs, MICROSOFT, epsilon=eps)
        return f"{name}.sum", name

    def _head(self, x: str) -> None:
        """Compute logits of the last `num_logits_to_keep` positions: a third of the arithmetic is here."""
        start = self.graph.node("Neg", ["num_logits_to_keep"], "head.start")
        end = self.graph.constant("head.end", np.array([np.iinfo(np.int64).max]))
        axis = self.graph.constant("head.axis", np.array([1]))
        kept = self.graph.node("Slice", [x, start, end, axis], "head.kept")
        if self.has_block_ends:
            self._block_head(kept)
        elif self.is_integer:
            self._int8_product("logits", kept, *self._int8_head(), self._zero_points(kept, "head.zeros"))
        else:
            product = self.graph.node("MatMul", [kept, self._float_head()], "head")
            self.graph.node("Cast", [product], "logits", to=1)

    def _float_head(self) -> str:
        if self.shape.is_tied:
            return self.graph.node("Transpose", ["embed"], "embed.transposed", perm=[1, 0])
        return self._float_constant(HEAD, whole(self.weights, HEAD).T)

    def _int8_head(self) -> tuple[str, str]:
        """Matrix [d_model, vocabulary] and scales. A tied one is stored once, and transposed while loading."""
        if self.shape.is_tied:
            return self.graph.node("Transpose", ["embed"], "embed.transposed", perm=[1, 0]), "embed.scale"
        levels, scale = self._int8_rows([HEAD])
        return self.graph.constant(HEAD, levels), self.graph.constant("head.scale", scale)

    def _block_head(self, x: str) -> None:
        vocabulary, d = self.shape.vocab_size, self.shape.d_model
        if self.shape.is_tied and self.is_external:
            weight = self.graph.same_constant(HEAD, "embed", (vocabulary, d // BLOCK, BLOCK))
            scales = self.graph.same_constant("head.scale", "embed.scale", (vocabulary * (d // BLOCK),))
            self._block_product("logits", x, weight, scales, (vocabulary, d), 8)
        else:
            self._block_linear("logits", [EMBEDDING if self.shape.is_tied else HEAD], x, 8)

    def _linear(self, name: str, parts: Sequence[str], x: str) -> str:
        """Multiply x [1, T, in] by the matrices [out, in] of `parts`, one above the other."""
        names = [f"{part}.weight" for part in parts]
        if not self.is_integer:
            matrix = np.concatenate([whole(self.weights, part) for part in names])
            return self.graph.node("MatMul", [x, self._float_constant(f"{name}.weight", matrix.T)], name)
        if self.precision in _BITS:
            return self._block_linear(name, names, x, _BITS[self.precision])
        levels, scale = self._int8_rows(names)
        weight = self.graph.constant(f"{name}.weight", levels)
        return self._int8_product(name, x, weight, self.graph.constant(f"{name}.scale", scale), "zeros")

    def _int8_rows(self, names: Sequence[str], *, is_transposed: bool = True) -> tuple[npt.NDArray[np.int8], Floats]:
        """Levels [in, out], or [out, in] where not `is_transposed`, and scales [out]."""
        out, width = self._size(names)
        levels = np.empty((width, out) if is_transposed else (out, width), np.int8)
        rows = levels.T if is_transposed else levels
        scales = np.empty(out, np.float32)
        for at, name, start, stop in blocks_of_rows(self.weights, names):
            part = slice(at, at + stop - start)
            rows[part], scales[part] = int8_rows(self.weights.rows(name, start, stop))
        return levels, scales

    def _blocks(self, names: Sequence[str], bits: int) -> tuple[npt.NDArray[np.uint8], Floats]:
        out, width = self._size(names)
        levels = np.empty((out, width // BLOCK, BLOCK * bits // 8), np.uint8)
        scales = np.empty((out, width // BLOCK), np.float32)
        for at, name, start, stop in blocks_of_rows(self.weights, names):
            part = slice(at, at + stop - start)
            known = self.weights.block_scales(name, start, stop, bits)
            levels[part], scales[part] = int_blocks(self.weights.rows(name, start, stop), bits, known)
        return levels, scales

    def _size(self, names: Sequence[str]) -> tuple[int, int]:
        sizes = [self.weights.size(name) or (0, 0) for name in names]
        return sum(size[0] for size in sizes), sizes[0][1]

    def _int8_product(self, name: str, x: str, matrix: str, scale: str, zeros: str) -> str:
        """Quantise each token of x by its own largest magnitude, multiply as integers, scale back.

        The operator takes one scale for all tokens, so theirs are multiplied in afterwards. An all-zero token
        divides by zero and gets arbitrary levels, which its scale of zero then multiplies away.
        """
        node = self.graph.node
        size = node("Abs", [x], f"{name}.abs")
        peak = node("ReduceMax", [size], f"{name}.peak", axes=[-1], keepdims=1)
        steps = node("Mul", [peak, "level"], f"{name}.steps")
        flat = node("Reshape", [steps, "flat"], f"{name}.steps.flat")
        levels = node("QuantizeLinear", [x, flat, zeros], f"{name}.levels", axis=1)
        inputs = [levels, matrix, "one", scale, "zero"]
        product = node("MatMulIntegerToFloat", inputs, f"{name}.product", MICROSOFT)
        return node("Mul", [product, steps], name)

    def _zero_points(self, like: str, name: str) -> str:
        """Make a zero point for each token of `like` [1, T, ...]."""
        size = self.graph.node("Shape", [like], f"{name}.size", start=1, end=2)
        return self.graph.filled(size, name, _ZERO_POINT)

    def _block_linear(self, name: str, parts: Sequence[str], x: str, bits: int) -> str:
        levels, scale = self._blocks(parts, bits)
        weight = self.graph.constant(f"{name}.weight", levels)
        scales = self.graph.constant(f"{name}.scale", scale.reshape(-1))
        return self._block_product(name, x, weight, scales, self._size(parts), bits)

    def _block_product(self, name: str, x: str, weight: str, scales: str, size: tuple[int, int], bits: int) -> str:
        """Multiply in int8 (`accuracy_level` 4); without it the weights are expanded to float32 each time."""
        sizes = {"N": size[0], "K": size[1], "bits": bits, "block_size": BLOCK}
        return self.graph.node("MatMulNBits", [x, weight, scales], name, MICROSOFT, accuracy_level=4, **sizes)
