"""Graphs in the layouts of others, made of our own builder's: what GenAI's and optimum's exporters name and ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from repocomp.model.graph import decoder
from repocomp.model.graph.weights import ArrayWeights, Floats
from repocomp.model.graph.write import MICROSOFT, ExternalData, Graph
from repocomp.model.shape import ModelShape


class Community(decoder._Builder):
    """onnx-community's and GenAI's: GroupQueryAttention, with lengths worked out from the attention mask."""

    kv = "float32"
    half_logits = False
    head_dim: str | None = None
    """What the graph calls the size of a head, where it does not say a number."""

    def _declare(self) -> None:
        graph, shape = self.graph, self.shape
        graph.input("input_ids", "int64", ["batch", "T"])
        graph.input("attention_mask", "int64", ["batch", "total"])
        graph.output("logits", "float16" if self.half_logits else "float32", ["batch", "T", shape.vocab_size])
        for i in range(shape.n_layers):
            for part in ("key", "value"):
                size: list[int | str] = ["batch", shape.n_kv_heads, "past", self.head_dim or shape.head_dim]
                graph.input(f"past_key_values.{i}.{part}", self.kv, size)
                graph.output(f"present.{i}.{part}", self.kv, [*size[:2], "total", size[3]])
        graph.constant("ones", np.array([1]))
        one = graph.constant("one64", np.array(1))
        total = graph.node("ReduceSum", ["attention_mask", "ones"], "mask.sum", keepdims=0)
        graph.node("Cast", [graph.node("Sub", [total, one], "last64")], "seqlens_k", to=6)
        mask_size = graph.node("Shape", ["attention_mask"], "mask.size")
        graph.node("Cast", [graph.node("Gather", [mask_size, one], "total64")], "total_sequence_length", to=6)

    def _attention(self, name: str, i: int, x: str) -> str:
        nodes = self.graph.nodes

        def renamed(op: str, inputs: Any, outputs: Any, *rest: Any, **attributes: Any) -> Any:
            inputs = [name.replace("past.", "past_key_values.") for name in inputs]
            return nodes(op, inputs, outputs, *rest, **attributes)

        self.graph.nodes = renamed  # type: ignore[method-assign]
        try:
            return super()._attention(name, i, x)
        finally:
            self.graph.nodes = nodes  # type: ignore[method-assign]

    def _head(self, x: str) -> None:
        product = self.graph.node("MatMul", [x, self._float_head()], "head")
        self.graph.node("Cast", [product], "logits", to=10 if self.half_logits else 1)


class HalfCommunity(Community):
    """The same in 16 bits, logits too."""

    kv = "float16"
    half_logits = True


class GenAI(Community):
    """The same as GenAI 0.18 writes it: the size of a head stands in its own file alone."""

    head_dim = "kv_cache_dim"


class Optimum(Community):
    """optimum's: plain operators that return all keys and values anew, positions given, a switch for the first run."""

    def _declare(self) -> None:
        graph, shape = self.graph, self.shape
        graph.input("input_ids", "int64", ["batch", "T"])
        graph.input("attention_mask", "int64", ["batch", "total"])
        graph.input("position_ids", "int64", ["batch", "T"])
        graph.input("use_cache_branch", "bool", [1])
        graph.output("logits", "float32", ["batch", "T", shape.vocab_size])
        for i in range(shape.n_layers):
            for part in ("key", "value"):
                size: list[int | str] = ["batch", shape.n_kv_heads, "past", shape.head_dim]
                graph.input(f"past_key_values.{i}.{part}", "float32", size)
                graph.output(f"present.{i}.{part}", "float32", [*size[:2], "total", shape.head_dim])
        graph.constant("scale", np.array(1 / np.sqrt(shape.head_dim), np.float32))
        graph.constant("low", np.array(-1e9, np.float32))
        graph.constant("zero.float", np.array(0, np.float32))
        graph.constant("first", np.array([0]))
        graph.constant("column", np.array([1]))
        graph.constant("zero64", np.array(0))
        graph.constant("one64", np.array(1))
        # A query at position p sees the keys 0 .. p.
        total = graph.node("Gather", [graph.node("Shape", ["attention_mask"], "mask.size"), "one64"], "total64")
        keys = graph.node("Range", ["zero64", total, "one64"], "keys")
        queries = graph.node("Squeeze", ["position_ids", "first"], "queries")
        seen = graph.node("LessOrEqual", [keys, graph.node("Unsqueeze", [queries, "column"], "queries.column")], "seen")
        graph.node("Where", [seen, "zero.float", "low"], "bias")

    def _attention(self, name: str, i: int, x: str) -> str:
        graph, shape = self.graph, self.shape
        parts = {}
        for part, heads in (("q", shape.n_heads), ("k", shape.n_kv_heads), ("v", shape.n_kv_heads)):
            y = self._linear(f"{name}.{part}", [f"{name}.{part}"], x)
            size = graph.constant(f"{name}.{part}.size", np.array([1, -1, heads, shape.head_dim]))
            y = graph.node("Transpose", [graph.node("Reshape", [y, size], f"{y}.heads")], f"{y}.t", perm=[0, 2, 1, 3])
            if part != "v":
                inputs = [y, "position_ids", "rope.cos", "rope.sin"]
                y = graph.node("RotaryEmbedding", inputs, f"{y}.turned", MICROSOFT, interleaved=0)
            parts[part] = y
        for part, long in (("k", "key"), ("v", "value")):
            graph.node("Concat", [f"past_key_values.{i}.{long}", parts[part]], f"present.{i}.{long}", axis=2)
        group = shape.n_heads // shape.n_kv_heads
        order = graph.constant(f"{name}.order", np.repeat(np.arange(shape.n_kv_heads), group))
        k = graph.node("Gather", [f"present.{i}.key", order], f"{name}.keys", axis=1)
        v = graph.node("Gather", [f"present.{i}.value", order], f"{name}.values", axis=1)
        scores = graph.node(
            "MatMul", [parts["q"], graph.node("Transpose", [k], f"{k}.t", perm=[0, 1, 3, 2])], f"{name}.scores"
        )
        scaled = graph.node("Add", [graph.node("Mul", [scores, "scale"], f"{name}.scaled"), "bias"], f"{name}.biased")
        mixed = graph.node("MatMul", [graph.node("Softmax", [scaled], f"{name}.shares", axis=-1), v], f"{name}.mixed")
        mixed = graph.node("Transpose", [mixed], f"{name}.mixed.t", perm=[0, 2, 1, 3])
        flat = graph.constant(f"{name}.flat", np.array([1, -1, shape.n_heads * shape.head_dim]))
        return self._linear(f"{name}.o", [f"{name}.o"], graph.node("Reshape", [mixed, flat], f"{name}.mixed.flat"))


def write(
    folder: Path,
    kind: type[Community],
    weights: dict[str, Floats],
    shape: ModelShape,
    file: str = "model.onnx",
    data: str | None = None,
) -> Path:
    """Write a graph of a `kind`, with its large constants in the file `data`."""
    folder.mkdir(parents=True, exist_ok=True)
    precision: decoder.Precision = "float16" if kind is HalfCommunity else "float32"
    if data is None:
        graph = Graph()
        kind(ArrayWeights(weights), shape, precision, graph, is_external=False).assemble()
    else:
        with ExternalData(folder / data) as external:
            graph = Graph(external)
            kind(ArrayWeights(weights), shape, precision, graph, is_external=True).assemble()
    (folder / file).write_bytes(graph.serialized())
    return folder / file
