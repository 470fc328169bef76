"""Reading files that a person names: text also from a pipe that somebody feeds, everything else from regular files.

Process substitution and `/dev/stdin` are pipes, so whatever is read once, from its start to its end, may come from one.
What nobody writes to is not waited for, and a stream without an end does not fill the memory.
"""

from __future__ import annotations

import os
import stat
from errno import EFBIG, EINVAL, ENXIO
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 1 << 28
"""Of a text: data sets of published benchmarks have a fifth of it."""
_WRITER_S = 1.0
"""How long a pipe may stay without a writer: a shell starts both ends at about the same time."""


def read_text(path: Path) -> str:
    """The text of a file, or of a pipe, in UTF-8. Raises OSError, UnicodeDecodeError."""
    return read_named(path, MOST_BYTES).decode()


def read_named(path: Path | str, most_bytes: int) -> bytes:
    """All of a file, or of a pipe. Raises OSError, also where nobody writes to it, or it holds over `most_bytes`."""
    with open(path, "rb", opener=_open_at_once) as file:
        is_pipe = stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
        if is_pipe:
            _wait_for_writer(file)
        if hasattr(os, "set_blocking"):
            os.set_blocking(file.fileno(), True)
        data = file.read(most_bytes + 1)
    if is_pipe and not data:
        raise OSError(ENXIO, "nobody writes to this pipe", str(path))
    if len(data) > most_bytes:
        raise OSError(EFBIG, f"larger than {most_bytes:,} bytes", str(path))
    return data


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; a device or a pipe is refused, and never waited for. Raises OSError."""
    file = open(path, "rb", opener=_open_at_once)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(EINVAL, "not a regular file", str(path))
    return file


def read_regular(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file. Raises OSError, also where it holds more than `most_bytes`."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise OSError(EFBIG, f"it holds {size:,} bytes, more than {most_bytes:,}", str(path))
        return file.read(most_bytes)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _wait_for_writer(file: BinaryIO) -> None:
    """Until there is something to read, or its end; what has no writer by then is read as empty."""
    from select import select

    select([file], [], [], _WRITER_S)
