"""Whether the files of a pack are the ones its manifest names.

A small file is digested whenever it is loaded. A large one is digested once and then known by its size, its time of
change and its inode, which are kept in the user's cache: reading half a gigabyte at every start would cost a second.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from repocomp.errors import PackError
from repocomp.model.home import checked_folder
from repocomp.named_files import open_regular
from repocomp.tree import real

REPAIR = "copy the pack again, or install repocomp again if it is a built-in one"
LARGE_BYTES = 1 << 25
"""Files from this size on are digested once: 32 MB take 40 ms."""
_READ_BYTES = 1 << 20


def digest_of(data: bytes) -> str:
    """Digest of `data`, tagged with its algorithm: BLAKE2b of 32 bytes."""
    return _tagged(hashlib.blake2b(data, digest_size=32))


def file_digest(path: Path) -> str:
    """Digest of a file, as `digest_of` tags it. Raises OSError."""
    with open_regular(path) as file:
        return _digest(file)


def check_files(folder: Path, digests: Mapping[str, str]) -> None:
    """Raise PackError where a file of the pack in `folder` is missing, or not the one that was digested."""
    for name, digest in digests.items():
        path = folder / name
        try:
            with open_regular(path) as file:
                is_right = _is_known(path, file, digest) or _digests_to(path, file, digest)
        except OSError as error:
            raise PackError(f"the pack lacks {path}: {error.strerror}", REPAIR) from error
        if not is_right:
            raise PackError(f"{path} is damaged: its digest is not the one in its manifest", REPAIR)


def remember(path: Path, digest: str) -> None:
    """Keep that a large file was digested; where the cache cannot be written, it is digested again next time."""
    state = path.stat()
    if state.st_size < LARGE_BYTES:
        return
    marker = _marker(path)
    try:
        marker.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=marker.parent, delete=False) as file:
            json.dump(_identity(state, digest), file)
        Path(file.name).replace(marker)
    except OSError:
        return


def _digests_to(path: Path, file: BinaryIO, digest: str) -> bool:
    if _digest(file) != digest:
        return False
    remember(path, digest)
    return True


def _is_known(path: Path, file: BinaryIO, digest: str) -> bool:
    state = os.fstat(file.fileno())
    if state.st_size < LARGE_BYTES:
        return False
    try:
        return bool(json.loads(_marker(path).read_text("utf-8")) == _identity(state, digest))
    except (OSError, ValueError):
        return False


def _identity(state: os.stat_result, digest: str) -> dict[str, int | str]:
    return {"digest": digest, "bytes": state.st_size, "mtime_ns": state.st_mtime_ns, "inode": state.st_ino}


def _marker(path: Path) -> Path:
    return checked_folder() / hashlib.blake2b(os.fsencode(real(path)), digest_size=10).hexdigest()


def _digest(file: BinaryIO) -> str:
    total = hashlib.blake2b(digest_size=32)
    while data := file.read(_READ_BYTES):
        total.update(data)
    return _tagged(total)


def _tagged(total: hashlib.blake2b) -> str:
    return "b2:" + total.hexdigest()
