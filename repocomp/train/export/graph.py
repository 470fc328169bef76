"""The ONNX graph of a model, assembled by hand from its weights.

About 35 nodes a layer, all operators of stock ONNX Runtime. Attention is one GroupQueryAttention over
packed query, key and value, with the rotary embedding inside and past and present in the same buffers.
Activations are quantised *per token*, so an answer does not depend on how its tokens were split into runs;
the usual per-tensor quantisation would make it so, and forbid prefix reuse and speculation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from repocomp.model.shape import ModelShape, weight_shapes
from repocomp.train.export.quantize import INT4_BLOCK, INT8_LEVELS, int4_blocks, int8_rows
from repocomp.train.export.reference import rotary_tables

Precision = Literal["int8", "int4", "float32", "float16"]
Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]

_OPSET = 17
_IR_VERSION = 8
_MICROSOFT = "com.microsoft"
_ZERO_POINT = 128
"""Of the activations: the integer kernels of x86 want them unsigned, and the weights signed. (Unsigned
weights, exact on CPUs with AVX2 but without VNNI, cost a third of the prefill; model/session.py asks for
them there alone.)"""
_ATTENTION_INPUTS = ("seqlens_k", "total_sequence_length", "rope.cos", "rope.sin")


def build(weights: Weights, shape: ModelShape, precision: Precision) -> onnx.ModelProto:
    """Assemble the model with its matrices in `precision`; where that is an integer, all else stays float32.

    Inputs: `input_ids` int64 [1, T]; `seqlens_k` int32 [1] = past + T - 1; `total_sequence_length` int32
    [1] = past + T; `num_logits_to_keep` int64 [1]; `past.{i}.{key,value}` float [1, kv heads, max_context,
    head_dim], to be bound to the memory of `present.{i}.{key,value}`. Output: `logits` float32 [1, keep,
    vocabulary]. "float16" is for CUDA. Raises ValueError where a weight is missing or has another shape.
    """
    for name, size in weight_shapes(shape).items():
        if name not in weights or weights[name].shape != size:
            raise ValueError(f"weight {name} is missing or not of shape {size}")
    builder = _Builder(weights, shape, precision)
    builder.assemble()
    return builder.model()


class _Builder:
    """Collects nodes and constants. A method that adds nodes returns the name of its result."""

    def __init__(self, weights: Weights, shape: ModelShape, precision: Precision) -> None:
        self.weights, self.shape, self.precision = weights, shape, precision
        self.is_integer = precision.startswith("int")
        self.dtype = np.dtype(np.float16 if precision == "float16" else np.float32)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def assemble(self) -> None:
        """Add every node from the ids to the logits."""
        self._shared_constants()
        hidden, branch = self._embedding(), ""
        for i in range(self.shape.n_layers):
            hidden, normed = self._add_and_norm(hidden, branch, f"layers.{i}.attn_norm")
            branch = self._attention(f"layers.{i}", i, normed)
            hidden, normed = self._add_and_norm(hidden, branch, f"layers.{i}.mlp_norm")
            branch = self._mlp(f"layers.{i}", normed)
        _, normed = self._add_and_norm(hidden, branch, "norm", keeps_sum=False)
        self._head(normed)

    def model(self) -> onnx.ModelProto:
        """Return what was assembled, as one file's worth of ONNX."""
        shape, info = self.shape, helper.make_tensor_value_info
        cache = (1, shape.n_kv_heads, shape.max_context, shape.head_dim)
        inputs = [
            info("input_ids", TensorProto.INT64, [1, "T"]),
            info("seqlens_k", TensorProto.INT32, [1]),
            info("total_sequence_length", TensorProto.INT32, [1]),
            info("num_logits_to_keep", TensorProto.INT64, [1]),
        ]
        outputs = [info("logits", TensorProto.FLOAT, [1, "keep", shape.vocab_size])]
        dtype = helper.np_dtype_to_tensor_dtype(self.dtype)
        for i in range(shape.n_layers):
            for part in ("key", "value"):
                inputs.append(info(f"past.{i}.{part}", dtype, cache))
                outputs.append(info(f"present.{i}.{part}", dtype, cache))
        graph = helper.make_graph(self.nodes, "repocomp", inputs, outputs, list(self.constants.values()))
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        return model

    def _constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def _float_constant(self, name: str, value: Floats) -> str:
        return self._constant(name, value.astype(self.dtype))

    def _node(
        self,
        op: str,
        inputs: Sequence[str],
        output: str,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401  (what an ONNX attribute may be)
    ) -> str:
        return self._nodes(op, inputs, (output,), domain, **attributes)[0]

    def _nodes(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        domain: str = "",
        **attributes: Any,  # noqa: ANN401  (what an ONNX attribute may be)
    ) -> Sequence[str]:
        self.nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], domain=domain, **attributes))
        return outputs

    def _shared_constants(self) -> None:
        cos, sin = rotary_tables(self.shape)
        self._float_constant("rope.cos", cos)
        self._float_constant("rope.sin", sin)
        if not self.is_integer:
            self._float_constant("embed", self.weights["embed.weight"])
            return
        self._constant("one", np.array(1, np.float32))
        self._constant("level", np.array(1 / INT8_LEVELS, np.float32))
        self._constant("zero", np.array(_ZERO_POINT, np.uint8))
        self._constant("flat", np.array([-1], np.int64))
        matrix, scale = int8_rows(self.weights["embed.weight"])
        self._constant("embed", matrix)
        self._constant("embed.scale", scale)

    def _embedding(self) -> str:
        """Read rows of the embedding. It is stored once: the head's transpose is folded while loading."""
        if not self.is_integer:
            return self._node("Gather", ["embed", "input_ids"], "hidden")
        rows = self._node("Gather", ["embed", "input_ids"], "hidden.int8")
        scale = self._node("Gather", ["embed.scale", "input_ids"], "hidden.scale")
        scale = self._node("Reshape", [scale, "flat"], "hidden.scale.flat")
        self._zero_points("input_ids", "zeros")
        return self._node("DequantizeLinear", [rows, scale], "hidden", axis=1)

    def _attention(self, name: str, i: int, x: str) -> str:
        shape, weights = self.shape, self.weights
        packed = np.concatenate([weights[f"{name}.{part}.weight"] for part in "qkv"])
        query = self._linear(f"{name}.qkv", packed, x)
        outputs = (f"{name}.mixed", f"present.{i}.key", f"present.{i}.value")
        mixed = self._nodes(
            "GroupQueryAttention",
            (query, "", "", f"past.{i}.key", f"past.{i}.value", *_ATTENTION_INPUTS),
            outputs,
            _MICROSOFT,
            num_heads=shape.n_heads,
            kv_num_heads=shape.n_kv_heads,
            do_rotary=1,
            rotary_interleaved=0,
        )[0]
        return self._linear(f"{name}.o", weights[f"{name}.o.weight"], mixed)

    def _mlp(self, name: str, x: str) -> str:
        packed = np.concatenate([self.weights[f"{name}.{part}.weight"] for part in ("gate", "up")])
        both = self._linear(f"{name}.gate_up", packed, x)
        gate, up = self._nodes("Split", [both], (f"{name}.gate", f"{name}.up"), axis=-1)
        # x * sigmoid(alpha * x): SiLU where alpha is one.
        gate = self._node("QuickGelu", [gate], f"{name}.silu", _MICROSOFT, alpha=1.0)
        product = self._node("Mul", [gate, up], f"{name}.gated")
        return self._linear(f"{name}.down", self.weights[f"{name}.down.weight"], product)

    def _add_and_norm(self, hidden: str, branch: str, name: str, keeps_sum: bool = True) -> tuple[str, str]:
        """Add `branch` to the residual stream: the sum, and its RMSNorm. No branch yet: the norm alone."""
        gamma = self._float_constant(f"{name}.weight", self.weights[f"{name}.weight"])
        eps = self.shape.norm_eps
        if not branch:
            self._node("SimplifiedLayerNormalization", [hidden, gamma], name, epsilon=eps, axis=-1)
            return hidden, name
        outputs = (name, "", "", f"{name}.sum") if keeps_sum else (name,)
        inputs = [hidden, branch, gamma]
        self._nodes("SkipSimplifiedLayerNormalization", inputs, outputs, _MICROSOFT, epsilon=eps)
        return f"{name}.sum", name

    def _head(self, x: str) -> None:
        """Compute logits of the last `num_logits_to_keep` positions: a third of the arithmetic is here."""
        start = self._node("Neg", ["num_logits_to_keep"], "head.start")
        end = self._constant("head.end", np.array([np.iinfo(np.int64).max]))
        axis = self._constant("head.axis", np.array([1]))
        kept = self._node("Slice", [x, start, end, axis], "head.kept")
        matrix = self._node("Transpose", ["embed"], "embed.transposed", perm=[1, 0])
        if not self.is_integer:
            self._node("Cast", [self._node("MatMul", [kept, matrix], "head")], "logits", to=TensorProto.FLOAT)
        else:
            self._int8_product("logits", kept, matrix, "embed.scale", self._zero_points(kept, "head.zeros"))

    def _linear(self, name: str, matrix: Floats, x: str) -> str:
        """Multiply x [1, T, in] by a matrix [out, in]."""
        if not self.is_integer:
            return self._node("MatMul", [x, self._float_constant(f"{name}.weight", matrix.T)], name)
        if self.precision == "int4":
            return self._int4_product(name, x, matrix)
        levels, scale = int8_rows(matrix)
        weight = self._constant(f"{name}.weight", levels.T)
        return self._int8_product(name, x, weight, self._constant(f"{name}.scale", scale), "zeros")

    def _int8_product(self, name: str, x: str, matrix: str, scale: str, zeros: str) -> str:
        """Quantise each token of x by its own largest magnitude, multiply as integers, scale back.

        The operator takes one scale for all tokens, so theirs are multiplied in afterwards. An all-zero token
        divides by zero and gets arbitrary levels, which its scale of zero then multiplies away.
        """
        size = self._node("Abs", [x], f"{name}.abs")
        peak = self._node("ReduceMax", [size], f"{name}.peak", axes=[-1], keepdims=1)
        steps = self._node("Mul", [peak, "level"], f"{name}.steps")
        flat = self._node("Reshape", [steps, "flat"], f"{name}.steps.flat")
        levels = self._node("QuantizeLinear", [x, flat, zeros], f"{name}.levels", axis=1)
        inputs = [levels, matrix, "one", scale, "zero"]
        product = self._node("MatMulIntegerToFloat", inputs, f"{name}.product", _MICROSOFT)
        return self._node("Mul", [product, steps], name)

    def _zero_points(self, like: str, name: str) -> str:
        """Make a zero point for each token of `like` [1, T, ...]."""
        size = self._node("Shape", [like], f"{name}.size", start=1, end=2)
        value = helper.make_tensor("value", TensorProto.UINT8, [1], [_ZERO_POINT])
        return self._node("ConstantOfShape", [size], name, value=value)

    def _int4_product(self, name: str, x: str, matrix: Floats) -> str:
        """Multiply in int8 (`accuracy_level` 4); without it the weights are expanded to float32 each time."""
        levels, scale = int4_blocks(matrix)
        weight = self._constant(f"{name}.weight", levels)
        scales = self._constant(f"{name}.scale", scale.reshape(-1))
        size = {"N": matrix.shape[0], "K": matrix.shape[1], "bits": 4, "block_size": INT4_BLOCK}
        return self._node("MatMulNBits", [x, weight, scales], name, _MICROSOFT, accuracy_level=4, **size)
