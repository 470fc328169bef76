"""Every product of one vector with many, in 8 bits: the search for nearest vectors as one run of ONNX Runtime.

The matrix is a constant of the graph, which ONNX Runtime then lays out for its integer kernels: 0.7 ms for 100,000
vectors of 128 on one core, where a matrix handed in with each run takes 5 and 32-bit floats in numpy 12.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.model.device import CPU
from repocomp.model.graph.write import Graph
from repocomp.model.runtime import onnxruntime
from repocomp.model.saturation import avoid_saturation

_ZERO_POINT = 128
_PEAK = 127


class Scan:
    """Rows int8 [n, d], n and d at least 1, ready to be multiplied."""

    def __init__(self, rows: npt.NDArray[np.int8]) -> None:
        ort = onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        avoid_saturation(options)
        self._session: Any = ort.InferenceSession(_model(rows), options, providers=[CPU])

    def products(self, vector: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        """Products [n] of the rows with `vector` [d] rounded to 8 bits: right up to one positive factor."""
        peak = float(np.abs(vector).max()) or 1.0
        levels = np.rint(vector * (_PEAK / peak)) + _ZERO_POINT
        found: npt.NDArray[np.int32] = self._session.run(None, {"asked": levels.astype(np.uint8)[None, :]})[0][0]
        return found


def _model(rows: npt.NDArray[np.int8]) -> bytes:
    """ONNX's ModelProto of `MatMulInteger(asked, rows transposed, 128)`."""
    size, d = rows.shape
    graph = Graph()
    graph.input("asked", "uint8", (1, d))
    graph.output("products", "int32", (1, size))
    constants = graph.constant("rows", rows.T), graph.constant("zero", np.array(_ZERO_POINT, np.uint8))
    graph.node("MatMulInteger", ("asked", *constants), "products")
    return graph.serialized()
