"""Which processor a model may run on. Nothing prints here: ONNX Runtime's words about CUDA are kept quiet."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from pathlib import Path

from repocomp.model.runtime import onnxruntime

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

_SMALL_THREADS, _BIG_THREADS = 4, 8
_BIG_BYTES = 30_000_000
"""A model of this size has matrices large enough for more than four threads."""


def cuda_works() -> bool:
    """Tell whether ONNX Runtime was built with CUDA and its driver can be loaded.

    The driver comes first: asking for CUDA without one works, but writes a red error to the terminal.
    """
    if not _has_driver():
        return False
    ort = onnxruntime()
    if CUDA not in ort.get_available_providers():
        return False
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(OSError):
        ort.preload_dlls()
    return True


def default_threads(model_bytes: int) -> int:
    """Choose threads for a model file of this size: physical cores, but no more than it can feed."""
    return min(physical_cores(), _BIG_THREADS if model_bytes > _BIG_BYTES else _SMALL_THREADS)


def physical_cores() -> int:
    """Count the cores this process may use; on Linux the second thread of a core does not count."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    cpus = os.sched_getaffinity(0)
    return len({_siblings(cpu) for cpu in cpus})


def _siblings(cpu: int) -> str:
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(cpu)


def _has_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
