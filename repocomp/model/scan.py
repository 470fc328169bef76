"""Every product of one vector with many, in 8 bits: the search for nearest vectors as one run of ONNX Runtime.

The matrix is a constant of the graph, which ONNX Runtime then lays out for its integer kernels: 0.7 ms for 100,000
vectors of 128 on one core, where a matrix handed in with each run takes 5 and 32-bit floats in numpy 12. A graph of one
node is 60 bytes of protobuf around the matrix, written here: the `onnx` package is for training only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.model.device import CPU
from repocomp.model.runtime import onnxruntime

_UINT8, _INT8, _INT32 = 2, 3, 6
_IR_VERSION, _OPSET = 8, 17
_ZERO_POINT = 128
_PEAK = 127


class Scan:
    """Rows int8 [n, d], n and d at least 1, ready to be multiplied."""

    def __init__(self, rows: npt.NDArray[np.int8]) -> None:
        ort = onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        # Products of unsigned and signed bytes saturate on a CPU with AVX2 but no VNNI; this avoids it there.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self._session: Any = ort.InferenceSession(_model(rows), options, providers=[CPU])

    def products(self, vector: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        """Products [n] of the rows with `vector` [d] rounded to 8 bits: right up to one positive factor."""
        peak = float(np.abs(vector).max()) or 1.0
        levels = np.rint(vector * (_PEAK / peak)) + _ZERO_POINT
        found: npt.NDArray[np.int32] = self._session.run(None, {"asked": levels.astype(np.uint8)[None, :]})[0][0]
        return found


def _model(rows: npt.NDArray[np.int8]) -> bytes:
    """ONNX's ModelProto of `MatMulInteger(asked, rows transposed, 128)`, by the field numbers of onnx.proto."""
    size, d = rows.shape
    node = _texts(1, ("asked", "rows", "zero")) + _texts(2, ("products",)) + _texts(4, ("MatMulInteger",))
    graph = (
        _bytes(1, node)
        + _texts(2, ("scan",))
        + _bytes(5, _tensor("rows", (d, size), _INT8, np.ascontiguousarray(rows.T).tobytes()))
        + _bytes(5, _tensor("zero", (), _UINT8, bytes([_ZERO_POINT])))
        + _bytes(11, _value("asked", (1, d), _UINT8))
        + _bytes(12, _value("products", (1, size), _INT32))
    )
    return _number(1, _IR_VERSION) + _bytes(8, _number(2, _OPSET)) + _bytes(7, graph)


def _tensor(name: str, shape: Iterable[int], kind: int, data: bytes) -> bytes:
    return b"".join(_number(1, size) for size in shape) + _number(2, kind) + _texts(8, (name,)) + _bytes(9, data)


def _value(name: str, shape: Iterable[int], kind: int) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, size)) for size in shape)
    return _texts(1, (name,)) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


def _texts(field: int, texts: Iterable[str]) -> bytes:
    return b"".join(_bytes(field, text.encode()) for text in texts)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
