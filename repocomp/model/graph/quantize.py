"""Weights in eight and in four bits: per output channel, and per block of 32 inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from repocomp.model.graph.weights import BLOCK, Floats

INT8_LEVELS = 127
_TINY = 1e-12


def int8_rows(matrix: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Quantise each row of [n, m] symmetrically: int8 [n, m] in -127..127, and scales [n]."""
    scale = np.maximum(np.abs(matrix).max(axis=1), _TINY) / INT8_LEVELS
    return np.rint(matrix / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def int_blocks(matrix: Floats, bits: int, scales: Floats | None = None) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Quantise [n, m] for MatMulNBits: uint8 [n, m / 32, 4 * bits], low half first, and scales [n, m / 32].

    With `scales` that the matrix is an integer multiple of, exactly. Else the entry of largest magnitude of a block
    becomes the lowest level, the one without a counterpart (llama.cpp's Q4_0). Raises ValueError where m is no
    multiple of 32.
    """
    n, m = matrix.shape
    if m % BLOCK:
        raise ValueError(f"rows of {m} inputs cannot be cut into blocks of {BLOCK}")
    zero_point = 1 << (bits - 1)
    blocks = matrix.reshape(n, m // BLOCK, BLOCK)
    if scales is None:
        peak = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)[..., 0]
        scales = (peak / -zero_point).astype(np.float32)
    divisor = np.where(scales == 0, 1, scales)[..., None]
    levels = np.clip(np.rint(blocks / divisor) + zero_point, 0, 2 * zero_point - 1).astype(np.uint8)
    return levels if bits == 8 else levels[..., 0::2] | (levels[..., 1::2] << 4), scales
