"""Reading files of a tree that is not trusted: regular files of bounded size, and never through a link.

A folder may be a link, or become one while it is read, so each component is opened by itself, below the one before it,
without following links; what was opened is then looked at. Devices and FIFOs neither block nor are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EFBIG, EINVAL, ELOOP
from pathlib import Path

_BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
_FILE = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT")
)
_FOLDER = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC"))
_REPARSE_POINT = 0x400
_LOOKS = 3
"""At a path that could not be opened component by component."""


def read(root: Path, path: str, most_bytes: int) -> bytes:
    """The bytes of `path`, "/" separated, below `root`. Raises OSError: missing, behind a link, no file, larger."""
    with _opened(root, path) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(EINVAL, "not a regular file", path)
        if status.st_size > most_bytes:
            raise OSError(EFBIG, f"larger than {most_bytes >> 10} KiB", path)
        data = os.read(descriptor, status.st_size + 1)
        while 0 < len(data) <= most_bytes and (more := os.read(descriptor, most_bytes + 1 - len(data))):
            data += more
    if len(data) > most_bytes:
        raise OSError(EFBIG, f"larger than {most_bytes >> 10} KiB", path)
    return data


def read_alone(path: Path, most_bytes: int) -> bytes:
    """The bytes of a file of the user's own, which may lie behind links. Raises OSError as `read` does."""
    whole = real(path)
    return read(whole.parent, whole.name, most_bytes)


def real(path: Path) -> Path:
    """The absolute path behind all links. Unlike `Path.resolve` it takes links in a circle, and leaves them there."""
    return Path(os.path.realpath(path))


def printable(path: str) -> str:
    """A name that can be stored and printed: bytes of it that are not UTF-8 are escaped."""
    return path if path.isascii() else path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def is_link(status: os.stat_result) -> bool:
    """Whether what `os.lstat` tells is a symbolic link, or a junction."""
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_file_attributes", 0) & _REPARSE_POINT)


@contextmanager
def _opened(root: Path, path: str) -> Iterator[int]:
    opener = _open_below if _BY_DESCRIPTOR else _open_and_compare
    descriptor = opener(root, path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open_below(root: Path, path: str) -> int:
    *folders, name = _components(path)
    at = os.open(root, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, _FILE, dir_fd=at)
    finally:
        os.close(at)


def _open_and_compare(root: Path, path: str) -> int:
    """Where the system opens nothing below a descriptor: open, then see that no component is a link, and it is this.

    Whoever changes a folder between two of these calls may be overlooked, so there are several looks, each at the
    folders before and after the file.
    """
    parts = _components(path)
    places = [os.path.join(root, *parts[: depth + 1]) for depth in range(len(parts))]
    descriptor = os.open(places[-1], _FILE)
    try:
        for _ in range(_LOOKS):
            *_, status = (_unlinked(place, path) for place in places)
            if not os.path.samestat(status, os.fstat(descriptor)):
                raise OSError(ELOOP, "replaced while it was opened", path)
            for place in places:
                _unlinked(place, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _unlinked(place: str, path: str) -> os.stat_result:
    status = os.lstat(place)
    if is_link(status):
        raise OSError(ELOOP, "behind a link", path)
    return status


def _components(path: str) -> list[str]:
    parts = path.split("/")
    if os.path.isabs(path) or any(part in ("", ".", "..") for part in parts):
        raise OSError(EINVAL, "not a path below the root", path)
    return parts
