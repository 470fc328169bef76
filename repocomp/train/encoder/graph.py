"""The ONNX graph of a trained encoder: tables and matrices in int8, all else computed in float32.

Written by hand from the weights, as the generator's (`model.graph.decoder`). What `model.encoder` says of inputs and
outputs holds here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from repocomp.model.graph.quantize import int8_rows

Floats = npt.NDArray[np.float32]

_OPSET, _IR_VERSION = 17, 8
_LARGEST = 12.0
"""Of the exponent of an attention weight, as in training."""
_TINY = 1e-12


def build_encoder(weights: Mapping[str, Floats], pad: int) -> onnx.ModelProto:
    """Assemble the encoder from the weights of `training.Network`, by their names there; `pad` is the padding's id."""
    builder = _Builder(pad)
    builder.assemble(weights)
    return builder.model(weights["embed"].shape[1])


def embedding_of(model: Path) -> Floats:
    """The embedding [vocabulary, d] in the file of a generator, as `model.graph.decoder` writes it."""
    tables = {one.name: one for one in onnx.load(str(model)).graph.initializer if one.name.startswith("embed")}
    levels = numpy_helper.to_array(tables["embed"]).astype(np.float32)
    return levels * numpy_helper.to_array(tables["embed.scale"])[:, None] if "embed.scale" in tables else levels


class _Builder:
    """Collects nodes and constants. A method that adds nodes returns the name of its result."""

    def __init__(self, pad: int) -> None:
        self.pad = pad
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def assemble(self, weights: Mapping[str, Floats]) -> None:
        """Add every node from the ids to both outputs."""
        self._constant("pad", np.array(self.pad, np.int64))
        padding = self._node("Equal", ["ids", "pad"], "padding")
        mask = self._node("Cast", [self._node("Not", [padding], "kept")], "mask", to=TensorProto.FLOAT)
        self._constant("last", np.array([-1], np.int64))
        column = self._node("Unsqueeze", [mask, "last"], "mask.column")
        said = self._signals(weights, column)
        heads = weights["place"].shape[1] - 1
        self._constant("split", np.array([heads, 1], np.int64))
        attention, sparse = self._nodes("Split", [said, "split"], ("said.dense", "said.sparse"), axis=-1)
        flat = self._node("Squeeze", [sparse, "last"], "said.sparse.flat")
        self._node("Mul", [self._node("Relu", [flat], "sparse.relu"), mask], "weights")
        self._hidden(weights, self._pooled(weights, attention, column, heads))

    def model(self, d_model: int) -> onnx.ModelProto:
        """Return what was assembled."""
        info = helper.make_tensor_value_info
        inputs = [info("ids", TensorProto.INT64, ["n", "T"]), info("asked", TensorProto.INT64, [1])]
        outputs = [
            info("dense", TensorProto.FLOAT, ["n", d_model]),
            info("weights", TensorProto.FLOAT, ["n", "T"]),
        ]
        graph = helper.make_graph(self.nodes, "repocomp-encoder", inputs, outputs, self.constants)
        model: onnx.ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        return model

    def _signals(self, weights: Mapping[str, Floats], column: str) -> str:
        """What each token weighs [n, T, signals]: by itself, by its neighbours, by its place."""
        signals = weights["place"].shape[1]
        table = weights["signal"].reshape(len(weights["signal"]), signals, -1)
        # From (signal, neighbour) to (neighbour, signal), so that a split gives each neighbour's.
        levels, scale = int8_rows(table.transpose(2, 1, 0).reshape(-1, len(table)))
        self._constant("signal", levels.T)
        self._constant("signal.scale", scale)
        self._constant("vocabulary", np.array(len(table) // 2, np.int64))
        half = self._node("Mul", ["asked", "vocabulary"], "half")
        rows = self._node("Gather", ["signal", self._node("Add", ["ids", half], "ids.half")], "signal.rows")
        known = self._node(
            "Mul", [self._node("Cast", [rows], "signal.float", to=TensorProto.FLOAT), "signal.scale"], "signals"
        )
        masked = self._node("Mul", [known, column], "signals.masked")
        own, before, after = self._nodes("Split", [masked], ("own", "before", "after"), axis=-1)
        self._constant("later", np.array([0, 1, 0, 0, -1, 0], np.int64))
        self._constant("earlier", np.array([0, -1, 0, 0, 1, 0], np.int64))
        sums = self._node("Add", [own, self._node("Pad", [before, "later"], "from.before")], "own.before")
        sums = self._node("Add", [sums, self._node("Pad", [after, "earlier"], "from.after")], "own.both")
        self._constant("place", weights["place"].reshape(2, -1, signals))
        self._constant("first", np.array([0], np.int64))
        self._constant("second", np.array([1], np.int64))
        length = self._node("Shape", ["ids"], "length", start=1, end=2)
        places = self._node("Gather", ["place", "asked"], "place.half")
        return self._node("Add", [sums, self._node("Slice", [places, "first", length, "second"], "places")], "said")

    def _pooled(self, weights: Mapping[str, Floats], said: str, column: str, heads: int) -> str:
        """The mean row of each head by attention, in that head's share of the columns; of length one."""
        d = weights["embed"].shape[1]
        self._constant("lowest", np.array(-_LARGEST, np.float32))
        self._constant("highest", np.array(_LARGEST, np.float32))
        clipped = self._node("Clip", [said, "lowest", "highest"], "said.clipped")
        attention = self._node("Mul", [self._node("Exp", [clipped], "said.exp"), column], "attention")
        total = self._node("ReduceSum", [attention, "second"], "attention.total", keepdims=1)
        levels, scale = int8_rows(weights["embed"])
        self._constant("embed", levels)
        self._constant("embed.scale", scale[:, None])
        share = self._node("Div", [attention, total], "share")
        scaled = self._node("Mul", [share, self._node("Gather", ["embed.scale", "ids"], "row.scale")], "share.scaled")
        rows = self._node("Cast", [self._node("Gather", ["embed", "ids"], "rows")], "rows.float", to=TensorProto.FLOAT)
        across = self._node("Transpose", [scaled], "share.across", perm=[0, 2, 1])
        each = self._node("MatMul", [across, rows], "pooled.each")
        self._constant("heads", np.repeat(np.eye(heads, dtype=np.float32), d // heads, axis=1))
        own = self._node("Mul", [each, "heads"], "pooled.own")
        return self._unit(self._node("ReduceSum", [own, "second"], "pooled.sum", keepdims=0), "pooled")

    def _hidden(self, weights: Mapping[str, Floats], pooled: str) -> str:
        """One hidden layer added to what was pooled; of length one again."""
        up = self._node("MatMul", [pooled, self._matrix("up", weights["up"])], "hidden.up")
        down = self._node(
            "MatMul", [self._node("Relu", [up], "hidden"), self._matrix("down", weights["down"])], "hidden.down"
        )
        flat = self._node("Squeeze", [down, "first"], "hidden.flat")
        return self._unit(self._node("Add", [pooled, flat], "mixed"), "dense")

    def _matrix(self, name: str, both: Floats) -> str:
        """One half [1, in, out] of a pair of matrices [2, in, out]."""
        halves = [int8_rows(half.T) for half in both]
        self._constant(name, np.stack([levels.T for levels, _ in halves]))
        self._constant(f"{name}.scale", np.stack([scale[None, :] for _, scale in halves]))
        levels = self._node("Gather", [name, "asked"], f"{name}.levels")
        scale = self._node("Gather", [f"{name}.scale", "asked"], f"{name}.steps")
        return self._node(
            "Mul", [self._node("Cast", [levels], f"{name}.cast", to=TensorProto.FLOAT), scale], f"{name}.float"
        )

    def _unit(self, name: str, output: str) -> str:
        if "tiny" not in {constant.name for constant in self.constants}:
            self._constant("tiny", np.array(_TINY, np.float32))
        length = self._node("ReduceL2", [name], f"{output}.length", axes=[-1], keepdims=1)
        return self._node("Div", [name, self._node("Max", [length, "tiny"], f"{output}.divisor")], output)

    def _constant(self, name: str, value: npt.NDArray[np.generic]) -> None:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def _node(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:  # noqa: ANN401
        return self._nodes(op, inputs, (output,), **attributes)[0]

    def _nodes(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        **attributes: Any,  # noqa: ANN401  (what an ONNX attribute may be)
    ) -> Sequence[str]:
        self.nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], **attributes))
        return outputs
