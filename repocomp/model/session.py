"""A model ready to run: one ONNX Runtime session, and key/value buffers that are bound to it once.

Keys and values stay where they are: each run appends to them, and rewinding only lowers the length that the
next run is told. `onnxruntime` is imported when the first session opens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.device import CPU, CUDA, cuda_works, default_threads
from repocomp.model.graph.read import check_graph
from repocomp.model.pack import BUILT_IN, MODEL_DATA, Pack
from repocomp.model.runtime import fault, onnxruntime
from repocomp.model.saturation import avoid_saturation
from repocomp.model.shape import ModelShape

Ids = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]

_FATAL = 4
_HINT = "run: repocomp doctor"
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

    @classmethod
    def open(cls, pack: Pack, threads: int | None = None) -> Session:
        """Load the model of `pack`: on CUDA where that works and the pack is made for it, else on the CPU.

        A graph that others exported is bound by its names (`model.foreign`). Raises PackError where ONNX Runtime is
        missing or refuses the graph, or where it asks for code or files that are not part of the pack.
        """
        from repocomp.model.foreign import ForeignSession

        if pack.folder.parent != BUILT_IN:
            check_graph(pack.model_path, pack.digests)
        on_cuda = _open_on_cuda(pack, threads)
        if on_cuda is not None:
            return cls(on_cuda, pack.shape)
        try:
            opened = _open(pack.model_path, threads, [CPU])
            if not _is_ours(opened):
                return ForeignSession(opened, pack.shape)
            _check_inputs(opened, pack.shape)
            return cls(opened, pack.shape)
        except PackError:
            raise
        # The exceptions of ONNX Runtime have no common base but this one.
        except Exception as error:
            raise PackError(f"cannot run the model of pack {pack.name!r}: {fault(error)}", _HINT) from error

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
            raise PackError(f"the model broke off: {fault(error)}", _HINT) from error
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


def _open_on_cuda(pack: Pack, threads: int | None) -> Any:  # noqa: ANN401  (the library has no types)
    """A session on CUDA, where that works and the pack has a graph for it; else None."""
    if pack.cuda_path is None or not cuda_works():
        return None
    try:
        session = _open(pack.cuda_path, threads, [CUDA, CPU])
    # The exceptions of ONNX Runtime have no common base but this one; the CPU then serves.
    except Exception:
        return None
    return session if session.get_providers()[0] == CUDA else None


def _check_inputs(session: Any, shape: ModelShape) -> None:  # noqa: ANN401  (the library has no types)
    """Refuse a graph that is not of the manifest's sizes, which buffers are made by. Raises PackError."""
    cache = [1, shape.n_kv_heads, shape.max_context, shape.head_dim]
    expected = {f"past.{i}.{part}": cache for i in range(shape.n_layers) for part in ("key", "value")}
    small = ("input_ids", "seqlens_k", "total_sequence_length", "num_logits_to_keep")
    found = {item.name: list(item.shape) for item in session.get_inputs() if item.name not in small}
    if found != expected:
        different = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise PackError(f"the graph does not fit its manifest: input {different[0]!r}", "add the model again")


def _is_ours(session: Any) -> bool:  # noqa: ANN401  (the library has no types)
    return any(item.name == "seqlens_k" for item in session.get_inputs())


def _hold(buffers: Buffers, name: str, value: Any) -> None:  # noqa: ANN401  (OrtValue has no stub)
    buffers.binding.bind_ortvalue_input(name, value)
    buffers.held.append(value)


def _weight_bytes(path: Path) -> int:
    data = path.with_name(MODEL_DATA)
    return path.stat().st_size + (data.stat().st_size if data.exists() else 0)


def _open(path: Path, threads: int | None, providers: list[str]) -> Any:  # noqa: ANN401
    ort = onnxruntime()
    ort.set_default_logger_severity(_FATAL)
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads or default_threads(_weight_bytes(path))
    # Between the steps of a run workers wait a few microseconds, for which sleeping is too slow. A completion of seven
    # runs takes 18.3 ms with 20 us of spinning and 21.1 without, for 31 ms of processor time and 29; beside two busy
    # processes 34 and 39 ms. Longer gains nothing: 100 us take 18.4 and 33 ms, no bound at all burns 63. Where one
    # process is busy and the system leaves both threads on one core it costs: 34 ms, with 100 us 41, without 23.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    avoid_saturation(options)
    # The library tells of a second attempt on stdout, where an answer is read.
    return ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
