"""Folders of safetensors: a JSON header with the place of each tensor, then their bytes, in one file or several."""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.errors import PackError
from repocomp.named_files import open_regular

_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
_MOST_HEADER_BYTES = 1 << 27


@dataclass(frozen=True, slots=True)
class _Place:
    data: npt.NDArray[np.uint8]
    kind: str
    shape: tuple[int, ...]
    start: int


class SafetensorsFolder:
    """Every tensor of every `*.safetensors` file of a folder, mapped."""

    def __init__(self, folder: Path) -> None:
        """Read the headers. Raises PackError where there is no such file, or one is damaged."""
        self._places: dict[str, _Place] = {}
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise PackError(f"{folder} holds no safetensors", "name a folder with config.json and model.safetensors")
        for path in files:
            try:
                self._places |= _places(path)
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise PackError(f"{path} cannot be read: {error}", "download the file again") from error

    def __contains__(self, name: str) -> bool:
        return name in self._places

    @property
    def names(self) -> list[str]:
        """Names of the tensors."""
        return list(self._places)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self._places[name].shape

    def rows(self, name: str, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Rows [start, stop) as 32-bit floats."""
        place = self._places[name]
        width = int(np.prod(place.shape[1:], dtype=np.int64))
        begin = place.start + start * width * _DTYPES[place.kind].itemsize
        count = (stop - start) * width
        values: npt.NDArray[Any] = np.frombuffer(place.data, _DTYPES[place.kind], count, begin).reshape(
            stop - start, *place.shape[1:]
        )
        if place.kind == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return np.asarray(values, dtype=np.float32)


def _places(path: Path) -> dict[str, _Place]:
    with open_regular(path) as file:
        data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    size = int.from_bytes(data[:8].tobytes(), "little")
    if not 2 <= size <= min(len(data) - 8, _MOST_HEADER_BYTES):
        raise ValueError("it is truncated or no safetensors")
    header = json.loads(data[8 : 8 + size].tobytes())
    header.pop("__metadata__", None)
    return {name: _place(name, entry, data, 8 + size) for name, entry in header.items()}


def _place(name: str, entry: Any, data: npt.NDArray[np.uint8], base: int) -> _Place:  # noqa: ANN401  (JSON)
    kind, shape, (start, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if kind not in _DTYPES:
        raise ValueError(f"tensor {name!r} is of the type {kind}; known are {', '.join(_DTYPES)}")
    if any(not isinstance(n, int) or n < 0 for n in (*shape, start, stop)):
        raise ValueError(f"tensor {name!r} has no proper place")
    count = 1
    for n in shape:
        count *= n
    if stop - start != count * _DTYPES[kind].itemsize or base + stop > len(data):
        raise ValueError(f"it is truncated: tensor {name!r} reaches past its end")
    return _Place(data, kind, shape, base + start)
