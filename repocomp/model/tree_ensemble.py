"""A ranker's trees: features in, one score a row out, on one thread, since a few hundred rows are little work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.device import CPU
from repocomp.model.runtime import fault, onnxruntime

Floats = npt.NDArray[np.float64]


class TreeEnsemble:
    """Trees that were exported by `repocomp.train.trees`; `features` is the number of columns they read."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401  (the library has no types)
        self._session = session
        self.features = int(session.get_inputs()[0].shape[1])

    @classmethod
    def open(cls, path: Path) -> TreeEnsemble:
        """Load the trees at `path`. Raises PackError where they or ONNX Runtime are missing or damaged."""
        try:
            ort = onnxruntime()
            options = ort.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 4
            return cls(ort.InferenceSession(path, options, providers=[CPU], enable_fallback=0))
        # The exceptions of ONNX Runtime have no common base but this one.
        except Exception as error:
            raise PackError(f"{path}: cannot run the ranker: {fault(error)}", "run: repocomp doctor") from error

    def scores(self, table: Floats) -> Floats:
        """Scores [n] of rows [n, features]."""
        (scored,) = self._session.run(None, {"features": table.astype(np.float32)})
        return np.asarray(scored[:, 0], dtype=np.float64)
