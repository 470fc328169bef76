"""GGUF files: their metadata and tensors, read with every length checked, since the file may come from anywhere.

The format: a header, key-value pairs, a table of tensors, then the tensors, each at a multiple of the alignment
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Quantised tensors become floats by the `gguf` package,
whose reader keeps an array for each string of a vocabulary and is not used here.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.named_files import open_regular

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST_DIMENSIONS = 4
_DEFAULT_ALIGNMENT = 32
LAYER_NAMES = {
    "attn_norm": "attn_norm",
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "o": "attn_output",
    "mlp_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
"""The parts of a layer by our names, and what llama.cpp calls them: both kinds of model read here say the same."""
THEIR_EMBEDDING, THEIR_FINAL_NORM, THEIR_HEAD = "token_embd.weight", "output_norm.weight", "output.weight"
_EMPTY_FILE_HINT = "download the file again"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of the table: its shape [rows, columns], and where its bytes [rows, bytes of a row] lie."""

    name: str
    shape: tuple[int, ...]
    kind: str
    offset: int
    row_bytes: int


class GgufFile:
    """A file, mapped. `metadata` by key, `tensors` by name."""

    def __init__(self, path: Path) -> None:
        """Read the header and the tables. Raises PackError where the file is no GGUF, or ends early."""
        self.path = path
        try:
            with open_regular(path) as file:
                self._data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        except (OSError, ValueError) as error:
            raise PackError(f"cannot read {path}: {error}", "name a GGUF file") from error
        reader = _Reader(self._data)
        try:
            self.metadata, self.tensors = _tables(reader)
        except _TruncatedError as error:
            raise PackError(f"{path} is truncated: {error}", _EMPTY_FILE_HINT) from error
        except (ValueError, UnicodeDecodeError, RecursionError) as error:
            raise PackError(f"{path} is not a GGUF file that can be read: {error}", _EMPTY_FILE_HINT) from error

    def rows(self, tensor: Tensor, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Rows [start, stop) as 32-bit floats."""
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        data = self.raw_rows(tensor, start, stop)
        return np.asarray(dequantize(data, GGMLQuantizationType[tensor.kind]), dtype=np.float32)

    def raw_rows(self, tensor: Tensor, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """Rows [start, stop) as they are stored, [stop - start, bytes of a row]."""
        begin = tensor.offset + start * tensor.row_bytes
        return self._data[begin : begin + (stop - start) * tensor.row_bytes].reshape(stop - start, tensor.row_bytes)


class _TruncatedError(ValueError):
    """The file ends before what it announces."""


class _Reader:
    """A place in the file that moves on as values are taken."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self._data = data.data
        self.at = 0

    def take(self, count: int) -> memoryview:
        if count > len(self._data) - self.at:
            raise _TruncatedError(f"it ends at byte {len(self._data):,}, within its tables")
        self.at += count
        return self._data[self.at - count : self.at]

    def number(self, code: str) -> Any:  # noqa: ANN401  (what the code says)
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def text(self) -> str:
        return str(self.take(self.number("Q")), "utf-8")

    def value(self, kind: int) -> Any:  # noqa: ANN401  (any metadata)
        if kind == _STRING:
            return self.text()
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind != _ARRAY:
            raise ValueError(f"metadata of the unknown type {kind}")
        kind, count = self.number("I"), self.number("Q")
        if kind in _SCALARS:
            return np.frombuffer(self.take(count * struct.calcsize(_SCALARS[kind])), f"<{_SCALARS[kind]}").tolist()
        if count > self.room:
            raise _TruncatedError(f"it announces a list of {count:,}")
        return [self.value(kind) for _ in range(count)]

    @property
    def room(self) -> int:
        return len(self._data) - self.at

    @property
    def size(self) -> int:
        return len(self._data)


def _tables(reader: _Reader) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if bytes(reader.take(len(MAGIC))) != MAGIC:
        raise ValueError("it does not begin with GGUF")
    if (version := reader.number("I")) not in _VERSIONS:
        raise ValueError(f"version {version} of the format; known are {', '.join(map(str, _VERSIONS))}")
    tensor_count, key_count = reader.number("Q"), reader.number("Q")
    if tensor_count + key_count > reader.room:
        raise _TruncatedError(f"it announces {tensor_count + key_count:,} entries")
    metadata: dict[str, Any] = {}
    for _ in range(key_count):
        key = reader.text()
        metadata[key] = reader.value(reader.number("I"))
    entries = [_entry(reader) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment <= 0:
        raise ValueError(f"alignment {alignment}")
    start = -(-reader.at // alignment) * alignment
    tensors = [_tensor(*entry, start, reader.size) for entry in entries]
    return metadata, {tensor.name: tensor for tensor in tensors}


def _entry(reader: _Reader) -> tuple[str, tuple[int, ...], int, int]:
    name, count = reader.text(), reader.number("I")
    if not 1 <= count <= _MOST_DIMENSIONS:
        raise ValueError(f"tensor {name!r} of {count} dimensions")
    # Dimensions are listed from the innermost outwards.
    shape = tuple(reader.number("Q") for _ in range(count))[::-1]
    return name, shape, reader.number("I"), reader.number("Q")


def _tensor(name: str, shape: tuple[int, ...], kind: int, offset: int, start: int, size: int) -> Tensor:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        known = GGMLQuantizationType(kind)
    except ValueError:
        raise ValueError(f"tensor {name!r} is of the unknown quantisation type {kind}") from None
    block, block_bytes = GGML_QUANT_SIZES[known]
    if shape[-1] % block:
        raise ValueError(f"tensor {name!r} has rows of {shape[-1]}, no multiple of {block}")
    row_bytes = shape[-1] // block * block_bytes
    if start + offset + math.prod(shape[:-1]) * row_bytes > size:
        raise _TruncatedError(f"tensor {name!r} reaches past byte {size:,}, its end")
    return Tensor(name, shape, known.name, start + offset, row_bytes)
