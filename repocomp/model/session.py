"""A model ready to run: one ONNX Runtime session, and key/value buffers that are bound to it once.

Keys and values stay where they are: each run appends to them, and rewinding only lowers the length that the
next run is told. `onnxruntime` is imported when the first session opens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.device import CUDA
from repocomp.model.runtime import fault, onnxruntime
from repocomp.model.shape import ModelShape

Ids = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]

LEAST_TOKENS = 2
"""ONNX Runtime has another attention kernel for a single row, whose sums differ in the last bits. Runs of two
tokens and more agree to the bit however they are split; so a single token runs beside a copy of itself
(+0.3 ms on 1.7), and no answer depends on what was cached."""


@dataclass(slots=True)
class Buffers:
    """Keys and values of one sequence, and the small arrays that a run reads, bound to a session for good.

    Only the first `count` of `tokens` and `kept` of `rows` [n, V] are bound, and anew where these change: fresh
    memory for each run would cost more than the binding.
    """

    binding: Any
    tokens: Ids
    rows: Logits
    count: int = 0
    kept: int = 0
    held: list[Any] = field(default_factory=list)
    last: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))
    total: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))
    keep: Ids = field(default_factory=lambda: np.zeros(1, np.int64))


class Session:
    """A language model on one device: ids in, logits out. Not to be run from two threads at once."""

    def __init__(self, session: Any, shape: ModelShape) -> None:  # noqa: ANN401  (the library has no types)
        self._session = session
        self.shape = shape
        self.device = "cuda" if session.get_providers()[0] == CUDA else "cpu"

    def new_buffers(self) -> Buffers:
        """Room for `shape.max_context` tokens."""
        ort = onnxruntime()

        tokens, rows = np.zeros(self.shape.max_context, np.int64), np.zeros((0, self.shape.vocab_size), np.float32)
        buffers = Buffers(self._session.io_binding(), tokens, rows)
        small = {"seqlens_k": buffers.last, "total_sequence_length": buffers.total}
        for name, array in {**small, "num_logits_to_keep": buffers.keep}.items():
            _hold(buffers, name, ort.OrtValue.ortvalue_from_numpy(array))
        for item in self._session.get_inputs():
            if item.name.startswith("past."):
                dtype = np.float16 if item.type == "tensor(float16)" else np.float32
                value = ort.OrtValue.ortvalue_from_shape_and_type(item.shape, dtype, self.device, 0)
                _hold(buffers, item.name, value)
                buffers.binding.bind_ortvalue_output(item.name.replace("past", "present", 1), value)
        return buffers

    def run(self, ids: Ids, past: int, buffers: Buffers, keep: int) -> Logits:
        """Append `ids` [T] after the first `past` tokens; logits [keep, V] of the last `keep` of them.

        The result is overwritten by the next run. past + T + 1 must not exceed `shape.max_context`.
        """
        count = max(len(ids), LEAST_TOKENS)
        kept = keep + count - len(ids)
        self._fit(buffers, count, kept)
        buffers.tokens[: len(ids)] = ids
        buffers.tokens[len(ids) : count] = ids[-1]
        buffers.total[0] = past + count
        buffers.last[0] = past + count - 1
        buffers.keep[0] = kept
        try:
            self._session.run_with_iobinding(buffers.binding)
        # The exceptions of ONNX Runtime have no common base but this one.
        except Exception as error:
            raise PackError(f"the model broke off: {fault(error)}", "run: repocomp doctor") from error
        return buffers.rows[:keep]

    def _fit(self, buffers: Buffers, count: int, kept: int) -> None:
        if buffers.count != count:
            ids = onnxruntime().OrtValue.ortvalue_from_numpy(buffers.tokens[None, :count])
            buffers.binding.bind_ortvalue_input("input_ids", ids)
            buffers.count = count
        if buffers.kept != kept:
            if kept > len(buffers.rows):
                buffers.rows = np.zeros((kept, self.shape.vocab_size), np.float32)
            logits = onnxruntime().OrtValue.ortvalue_from_numpy(buffers.rows[None, :kept])
            buffers.binding.bind_ortvalue_output("logits", logits)
            buffers.kept = kept


def _hold(buffers: Buffers, name: str, value: Any) -> None:  # noqa: ANN401  (OrtValue has no stub)
    buffers.binding.bind_ortvalue_input(name, value)
    buffers.held.append(value)
