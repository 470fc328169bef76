"""The weights of a pack, read back from its graph as 32-bit floats: the inverse of what the exporter wrote.

ONNX is protobuf. The few fields that hold weights are read here by hand, so that no library is needed for it; numbers
in comments are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.pack import Pack
from repocomp.model.shape import weight_shapes

Floats = npt.NDArray[np.float32]
Constants = dict[str, npt.NDArray[Any]]

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW = 1, 2, 8, 9
_DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 10: np.float16}
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
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
    graph = next((value for number, value in _fields(model) if number == _GRAPH), memoryview(b""))
    tensors = (value for number, value in _fields(_bytes(graph)) if number == _INITIALIZER)
    return dict(_tensor(_bytes(tensor)) for tensor in tensors)


def _tensor(data: memoryview) -> tuple[str, npt.NDArray[Any]]:
    dims: list[int] = []
    name, dtype, raw = "", 1, memoryview(b"")
    for number, value in _fields(data):
        if number == _DIMS:
            dims += [value] if isinstance(value, int) else list(_varints(value))
        elif number == _DATA_TYPE and isinstance(value, int):
            dtype = value
        elif number == _NAME:
            name = str(_bytes(value), "utf-8")
        elif number == _RAW:
            raw = _bytes(value)
    return name, np.frombuffer(raw, _DTYPES[dtype]).reshape(dims)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message; what has a fixed width is passed over."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif kind == _BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("it ends early")
            yield tag >> 3, data[at : at + size]
            at += size
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError("it is not ONNX")


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("it is not ONNX")
    return value


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
