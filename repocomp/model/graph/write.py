"""An ONNX model put together from nodes and constants, its large constants in a file of their own.

Constants kept apart are mapped by ONNX Runtime and never copied, and a model of any size is written tensor by tensor,
so that no more than one of them is in memory at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from repocomp.model.graph.protobuf import bytes_field, float_field, number_field, text_fields

MICROSOFT = "com.microsoft"
Attribute = int | float | Sequence[int]
Size = Sequence[int | str]
"""Dimensions of an input or output; those with a name are free."""

DATA_TYPES: dict[str, int] = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}
"""Numbers of onnx.proto's TensorProto.DataType, by NumPy's names."""
_OPSET, _IR_VERSION = 17, 8
_EXTERNAL_BYTES = 1024
"""Constants smaller than this stay in the graph, where the runtime can see them."""
_PAGE_BYTES = 1 << 16
"""What a constant in a file is aligned to: the coarsest unit in which a system maps files."""
_FLOAT, _INT, _TENSOR, _INTS = 1, 2, 4, 7
"""Numbers of onnx.proto's AttributeProto.AttributeType."""


class Graph:
    """Collects nodes and constants, and becomes a ModelProto. Methods that add something return its name."""

    def __init__(self, data: ExternalData | None = None) -> None:
        self._data = data
        self._nodes: list[bytes] = []
        self._constants: dict[str, bytes] = {}
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        """Add a tensor."""
        self._constants[name] = tensor(name, value, self._data)
        return name

    def same_constant(self, name: str, of: str, size: Sequence[int]) -> str:
        """Add the bytes of the constant `of` once more, in another shape, at no cost where they lie in a file."""
        if self._data is not None and of in self._data.places:
            dtype, offset, count = self._data.places[of]
            self._constants[name] = _external_tensor(name, size, dtype, self._data.path.name, offset, count)
            return name
        raise ValueError(f"the constant {of} does not lie in a file")

    def node(self, op: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Attribute) -> str:
        """Add an operation with one output."""
        return self.nodes(op, inputs, (output,), domain, **attributes)[0]

    def nodes(
        self, op: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: Attribute
    ) -> Sequence[str]:
        """Add an operation; an empty name among inputs or outputs leaves an optional one out."""
        listed = b"".join(bytes_field(5, _attribute(name, value)) for name, value in attributes.items())
        names = text_fields(3, outputs[:1]) + text_fields(4, (op,)) + text_fields(7, (domain,) if domain else ())
        self._nodes.append(text_fields(1, inputs) + text_fields(2, outputs) + names + listed)
        return outputs

    def filled(self, size: str, output: str, value: int) -> str:
        """Add a uint8 tensor of the size that `size` holds, `value` everywhere."""
        held = bytes_field(5, tensor("value", np.array([value], np.uint8)))
        attribute = text_fields(1, ("value",)) + held + number_field(20, _TENSOR)
        names = text_fields(3, (output,)) + text_fields(4, ("ConstantOfShape",))
        self._nodes.append(text_fields(1, (size,)) + text_fields(2, (output,)) + names + bytes_field(5, attribute))
        return output

    def input(self, name: str, dtype: str, size: Size) -> str:
        """Declare what must be given to a run."""
        self._inputs.append(_value(name, dtype, size))
        return name

    def output(self, name: str, dtype: str, size: Size) -> str:
        """Declare a result of a run."""
        self._outputs.append(_value(name, dtype, size))
        return name

    def serialized(self) -> bytes:
        """The ModelProto."""
        parts = (
            *(bytes_field(1, node) for node in self._nodes),
            text_fields(2, ("repocomp",)),
            *(bytes_field(5, constant) for constant in self._constants.values()),
            *(bytes_field(11, value) for value in self._inputs),
            *(bytes_field(12, value) for value in self._outputs),
        )
        opsets = (number_field(2, _OPSET), text_fields(1, (MICROSOFT,)) + number_field(2, 1))
        listed = b"".join(bytes_field(8, opset) for opset in opsets)
        return number_field(1, _IR_VERSION) + listed + bytes_field(7, b"".join(parts))


class ExternalData:
    """The file beside a graph that holds its large constants. `places` are type, offset and bytes of each.

    `show` is told how many bytes are written, after each of them.
    """

    def __init__(self, path: Path, show: Callable[[int], None] = lambda written: None) -> None:
        self.path, self._show = path, show
        self.places: dict[str, tuple[str, int, int]] = {}
        self._file: BinaryIO = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, name: str, value: npt.NDArray[np.generic]) -> tuple[int, int]:
        """Append a tensor; its offset and size in bytes. Raises OSError where the disk is full."""
        self._file.write(bytes(-self._file.tell() % _PAGE_BYTES))
        offset = self._file.tell()
        self._file.write(value.reshape(-1).view(np.uint8).data)
        self.places[name] = value.dtype.name, offset, value.nbytes
        self._show(self._file.tell())
        return offset, value.nbytes


def tensor(name: str, value: npt.NDArray[np.generic], data: ExternalData | None = None) -> bytes:
    """A TensorProto: with its bytes, or with the place in `data` where they were put."""
    value = np.ascontiguousarray(value) if value.ndim else value
    if data is not None and value.nbytes >= _EXTERNAL_BYTES:
        return _external_tensor(name, value.shape, value.dtype.name, data.path.name, *data.add(name, value))
    return _tensor_head(name, value.shape, value.dtype.name) + bytes_field(9, value.tobytes())


def _external_tensor(name: str, size: Sequence[int], dtype: str, file: str, offset: int, count: int) -> bytes:
    entries = {"location": file, "offset": str(offset), "length": str(count)}
    listed = b"".join(bytes_field(13, text_fields(1, (k,)) + text_fields(2, (v,))) for k, v in entries.items())
    return _tensor_head(name, size, dtype) + listed + number_field(14, 1)


def _tensor_head(name: str, size: Sequence[int], dtype: str) -> bytes:
    return b"".join(number_field(1, n) for n in size) + number_field(2, DATA_TYPES[dtype]) + text_fields(8, (name,))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        return text_fields(1, (name,)) + float_field(2, struct.pack("<f", value)) + number_field(20, _FLOAT)
    if isinstance(value, int):
        return text_fields(1, (name,)) + number_field(3, value) + number_field(20, _INT)
    return text_fields(1, (name,)) + b"".join(number_field(8, n) for n in value) + number_field(20, _INTS)


def _value(name: str, dtype: str, size: Size) -> bytes:
    sizes = (number_field(1, n) if isinstance(n, int) else text_fields(2, (n,)) for n in size)
    shape = b"".join(bytes_field(1, one) for one in sizes)
    kind = bytes_field(1, number_field(1, DATA_TYPES[dtype]) + bytes_field(2, shape))
    return text_fields(1, (name,)) + bytes_field(2, kind)
