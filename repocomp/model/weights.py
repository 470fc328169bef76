"""The weights of a pack, read back from its graph as 32-bit floats: the inverse of what the exporter wrote.

Numbers of fields are those of onnx.proto.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.graph.protobuf import as_bytes, as_number, as_text, fields, numbers
from repocomp.model.graph.write import DATA_TYPES
from repocomp.model.pack import Pack
from repocomp.model.shape import weight_shapes

Floats = npt.NDArray[np.float32]
Constants = dict[str, npt.NDArray[Any]]

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW = 1, 2, 8, 9
_DTYPES = {number: np.dtype(name) for name, number in DATA_TYPES.items()}
_PACKED = {"q": ("qkv", 0), "k": ("qkv", 1), "v": ("qkv", 2), "gate": ("gate_up", 0), "up": ("gate_up", 1)}
"""Matrices that the graph holds one above the other, and which of them."""


def weights_of(pack: Pack) -> dict[str, Floats]:
    """Every weight by name, in the shapes of `weight_shapes`; integers are scaled back.

    Raises PackError where the graph is damaged, or not of the exporter's int8 or float32.
    """
    try:
        constants = _constants(memoryview(pack.model_path.read_bytes()))
        return {name: _weight(constants, name, pack) for name in weight_shapes(pack.shape)}
    except (IndexError, KeyError, ValueError) as error:
        problem = f"the weights of pack {pack.name!r} ({pack.precision}) cannot be read back: {error}"
        raise PackError(problem, "use a pack that was exported as int8 or float32") from error


def _weight(constants: Constants, name: str, pack: Pack) -> Floats:
    if name == "embed.weight":
        rows: Floats = constants["embed"].astype(np.float32)
        return rows * constants["embed.scale"][:, None] if "embed.scale" in constants else rows
    shapes = weight_shapes(pack.shape)
    if len(shapes[name]) == 1:
        return constants[name].astype(np.float32)
    layer, part = name.removesuffix(".weight").rsplit(".", 1)
    stored, place = _PACKED.get(part, (part, 0))
    matrix = _matrix(constants, f"{layer}.{stored}")
    above = [shapes[f"{layer}.{other}.weight"][0] for other, (of, at) in _PACKED.items() if of == stored and at < place]
    rows = matrix[sum(above) :][: shapes[name][0]]
    if rows.shape != shapes[name]:
        raise ValueError(f"{name} is of shape {rows.shape}")
    return rows


def _matrix(constants: Constants, name: str) -> Floats:
    """[out, in], which the graph holds as [in, out]."""
    matrix: Floats = constants[f"{name}.weight"].astype(np.float32)
    return (matrix * constants[f"{name}.scale"]).T if f"{name}.scale" in constants else matrix.T


def _constants(model: memoryview) -> Constants:
    graph = next((value for number, value in fields(model) if number == _GRAPH), memoryview(b""))
    tensors = (value for number, value in fields(as_bytes(graph)) if number == _INITIALIZER)
    return dict(_tensor(as_bytes(tensor)) for tensor in tensors)


def _tensor(data: memoryview) -> tuple[str, npt.NDArray[Any]]:
    dims: list[int] = []
    name, dtype, raw = "", 1, memoryview(b"")
    for number, value in fields(data):
        if number == _DIMS:
            dims += numbers(value)
        elif number == _DATA_TYPE:
            dtype = as_number(value)
        elif number == _NAME:
            name = as_text(value)
        elif number == _RAW:
            raw = as_bytes(value)
    return name, np.frombuffer(raw, _DTYPES[dtype]).reshape(dims)
