"""A text as a parser reads it, piece by piece: parsing in this way can be ended.

The binding of tree-sitter keeps whatever a reader returns for ever: 3,000 bytes at each parse, which made a daemon grow
by megabytes an hour. So the pieces stand in buffers that are used again, and what it keeps is always the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class _Buffers(threading.local):
    """Those of one thread, whose parsers run one after the other."""

    def __init__(self) -> None:
        self.all: list[bytearray] = []


_buffers = _Buffers()


def reader(data: bytes, most_bytes: int | None = None) -> Callable[[int, object], bytearray]:
    """What gives a parser the text from an offset on, at most so many bytes at once.

    Good for one parse in this thread: the next reader uses the same buffers. Of the tree's nodes neither `text` may be
    asked for, nor a query that compares it: the binding would ask this again, and end the process for want of bytes.
    """
    buffers, used = _buffers.all, 0

    def read(offset: int, _: object) -> bytearray:
        nonlocal used
        if used == len(buffers):
            buffers.append(bytearray())
        buffer = buffers[used]
        used += 1
        buffer[:] = data[offset:] if most_bytes is None else data[offset : offset + most_bytes]
        return buffer

    return read
