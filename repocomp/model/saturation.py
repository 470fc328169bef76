"""Whether products of unsigned and signed bytes are exact on this processor.

With AVX2 or AVX-512 but no VNNI, ONNX Runtime's kernels add pairs of them in 16 bits, which saturate. It then must turn
signed weights into unsigned ones, for which it asks no processor by itself: told to where that is not needed, it takes
four times as long to load Qwen2.5-Coder-0.5B, 270 MB more, and 1.8 times as long to prefill, for the same logits to the
last bit. So one product of the largest bytes is tried first, which takes a millisecond.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from repocomp.model.graph.write import Graph
from repocomp.model.runtime import onnxruntime

_ROWS, _INNER, _COLUMNS = 2, 64, 32
_UNSIGNED, _SIGNED = 255, 127


def avoid_saturation(options: Any) -> None:  # noqa: ANN401  (the library has no types)
    """Ask for exact products of bytes in the session `options`, where the processor does not give them anyway."""
    if _saturates():
        options.add_session_config_entry("session.x64quantprecision", "1")


@cache
def _saturates() -> bool:
    graph = Graph()
    graph.input("x", "uint8", (_ROWS, _INNER))
    graph.output("products", "int32", (_ROWS, _COLUMNS))
    weight = graph.constant("weight", np.full((_INNER, _COLUMNS), _SIGNED, np.int8))
    graph.node("MatMulInteger", ("x", weight), "products")
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(graph.serialized(), options, providers=["CPUExecutionProvider"])
    (products,) = session.run(None, {"x": np.full((_ROWS, _INNER), _UNSIGNED, np.uint8)})
    return bool((products != _INNER * _UNSIGNED * _SIGNED).any())
