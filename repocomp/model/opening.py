"""From a pack to a session: which graph, on which device, with which options of ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repocomp.errors import PackError
from repocomp.model.device import CPU, CUDA, cuda_works, default_threads
from repocomp.model.foreign import ForeignSession
from repocomp.model.graph.read import check_graph
from repocomp.model.pack import BUILT_IN, Pack
from repocomp.model.runtime import fault, onnxruntime
from repocomp.model.saturation import avoid_saturation
from repocomp.model.session import Session
from repocomp.model.shape import ModelShape

_FATAL = 4
_HINT = "run: repocomp doctor"


def open_session(pack: Pack, threads: int | None = None) -> Session:
    """Load the model of `pack`: on CUDA where that works and the pack is made for it, else on the CPU.

    A graph that others exported is bound by its names (`model.foreign`). Raises PackError where ONNX Runtime is
    missing or refuses the graph, or where it asks for code or files that are not part of the pack.
    """
    if pack.folder.parent != BUILT_IN:
        check_graph(pack.model_path, pack.digests)
    on_cuda = _open_on_cuda(pack, threads)
    if on_cuda is not None:
        return Session(on_cuda, pack.shape)
    try:
        opened = _open(pack.model_path, pack, threads, [CPU])
        if not _is_ours(opened):
            return ForeignSession(opened, pack.shape)
        _check_inputs(opened, pack.shape)
        return Session(opened, pack.shape)
    except PackError:
        raise
    # The exceptions of ONNX Runtime have no common base but this one.
    except Exception as error:
        raise PackError(f"cannot run the model of pack {pack.name!r}: {fault(error)}", _HINT) from error


def _open_on_cuda(pack: Pack, threads: int | None) -> Any:  # noqa: ANN401  (the library has no types)
    """A session on CUDA, where that works and the pack has a graph for it; else None."""
    if pack.cuda_path is None or not cuda_works():
        return None
    try:
        session = _open(pack.cuda_path, pack, threads, [CUDA, CPU])
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


def _open(path: Path, pack: Pack, threads: int | None, providers: list[str]) -> Any:  # noqa: ANN401
    ort = onnxruntime()
    ort.set_default_logger_severity(_FATAL)
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads or default_threads(pack.weight_bytes)
    # Between the steps of a run workers wait a few microseconds, for which sleeping is too slow. A completion of seven
    # runs takes 18.3 ms with 20 us of spinning and 21.1 without, for 31 ms of processor time and 29; beside two busy
    # processes 34 and 39 ms. Longer gains nothing: 100 us take 18.4 and 33 ms, no bound at all burns 63. Where one
    # process is busy and the system leaves both threads on one core it costs: 34 ms, with 100 us 41, without 23.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    avoid_saturation(options)
    # The library tells of a second attempt on stdout, where an answer is read.
    return ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
