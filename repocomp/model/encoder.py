"""A small encoder of code: from token ids to one vector, and to a weight for each token, in one run.

It reads a chunk from its start, and a question, the lines before a cursor, backwards from the cursor, so that a place
in the sequence means nearness. The graph has two inputs, `ids` int64 [n, T] (padded at the end) and `asked` int64 [1]
(0 for chunks, 1 for questions), and two outputs, `dense` float32 [n, d] of length one and `weights` float32 [n, T], not
negative, 0 for padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.model.device import CPU
from repocomp.model.pack import Pack, load_pack
from repocomp.model.runtime import onnxruntime
from repocomp.model.tokenizer import Tokenizer

Floats = npt.NDArray[np.float32]

ASKED_LINES = 20
"""Lines before the cursor that a question shows, the cursor's own included."""
CHUNK_TOKENS, ASKED_TOKENS = 256, 192
"""What is read of a chunk and of a question; the rest is left out."""
_BATCH = 32
