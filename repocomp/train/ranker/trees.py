"""From LightGBM's trees to one ONNX operator, TreeEnsembleRegressor.

LightGBM compares in float64, ONNX Runtime in float32: each threshold becomes the largest float32 that is not above it,
so for inputs that are float32 the branches are the same (`x <= threshold` holds for one exactly where for the other).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

_OPSET, _ML_OPSET, _IR_VERSION = 17, 3, 8
_LEAF, _BRANCH = "LEAF", "BRANCH_LEQ"


def float32_below(threshold: float) -> float:
    """The largest float32 that is not above a float64."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))


def export(dump: Mapping[str, Any]) -> onnx.ModelProto:
    """A model `features` float32 [n, f] -> `scores` float32 [n, 1] from what LightGBM's `dump_model()` says.

    The trees must have been trained without missing values and categories. Raises ValueError for others.
    """
    nodes = [node for tree, info in enumerate(dump["tree_info"]) for node in _nodes(tree, info["tree_structure"])]
    leaves = [node for node in nodes if node["mode"] == _LEAF]
    columns: dict[str, Any] = {
        name: [node[key] for node in nodes]
        for name, key in (
            *(("nodes_treeids", "tree"), ("nodes_nodeids", "id"), ("nodes_featureids", "feature")),
            *(("nodes_values", "value"), ("nodes_modes", "mode")),
            *(("nodes_truenodeids", "left"), ("nodes_falsenodeids", "right")),
        )
    }
    regressor = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        target_treeids=[leaf["tree"] for leaf in leaves],
        target_nodeids=[leaf["id"] for leaf in leaves],
        target_ids=[0] * len(leaves),
        target_weights=[leaf["weight"] for leaf in leaves],
        **columns,
    )
    read = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(dump["feature_names"])])
    said = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 1])
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    graph = helper.make_graph([regressor], "ranker", [read], [said])
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def _nodes(tree: int, root: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of one tree, numbered in the order they are met."""
    count = 1
    waiting = [(0, root)]
    while waiting:
        number, node = waiting.pop()
        row = {"tree": tree, "id": number, "feature": 0, "value": 0.0, "mode": _LEAF, "left": 0, "right": 0}
        if "leaf_value" in node:
            yield {**row, "weight": node["leaf_value"]}
            continue
        if node["decision_type"] != "<=" or node["missing_type"] != "None":
            raise ValueError(f"tree {tree} has a split that cannot be exported: {node['decision_type']}")
        row.update(feature=node["split_feature"], value=float32_below(node["threshold"]), mode=_BRANCH)
        yield {**row, "left": count, "right": count + 1}
        waiting += [(count, node["left_child"]), (count + 1, node["right_child"])]
        count += 2
