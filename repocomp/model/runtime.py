"""ONNX Runtime, imported in one place and never otherwise.

Since 1.31 its Linux wheels send usage events to their maker unless this variable is set before the library loads.
Nothing of a user's leaves the machine, so it is set whatever it was.
"""

from __future__ import annotations

import os
from types import ModuleType

_TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"


def fault(error: BaseException) -> str:
    """What the library says went wrong, its first line: the rest is a trace of its own."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def onnxruntime() -> ModuleType:
    """Load the library, silent and without telemetry."""
    os.environ[_TELEMETRY_OFF] = "1"
    import onnxruntime as loaded  # type: ignore[import-untyped]

    loaded.disable_telemetry_events()
    module: ModuleType = loaded
    return module
