"""Weights in eight and in four bits: per output channel, and per block of 32 inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

INT8_LEVELS = 127
INT4_BLOCK = 32
_INT4_ZERO_POINT = 8
_TINY = 1e-12


def int8_rows(matrix: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Quantise each row of [n, m] symmetrically: int8 [n, m] in -127..127, and scales [n]."""
    scale = np.maximum(np.abs(matrix).max(axis=1), _TINY) / INT8_LEVELS
    return np.rint(matrix / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def int4_blocks(matrix: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Quantise [n, m] for MatMulNBits: uint8 [n, m / 32, 16], low half first, and scales [n, m / 32].

    The entry of largest magnitude becomes -8, the one level without a counterpart (llama.cpp's Q4_0).
    """
    n, m = matrix.shape
    blocks = matrix.reshape(n, m // INT4_BLOCK, INT4_BLOCK)
    peak = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)
    scale = np.where(peak == 0, 1.0, peak / -_INT4_ZERO_POINT)
    levels = np.clip(np.rint(blocks / scale) + _INT4_ZERO_POINT, 0, 15).astype(np.uint8)
    packed = levels[..., 0::2] | (levels[..., 1::2] << 4)
    return packed, scale[..., 0].astype(np.float32)
