"""Files on their way to the nodes of a Ray cluster: once to each node, in pieces, whatever their size.

An actor that stays on the machine of whoever runs a job reads the pieces, so the object store holds one for each worker
at most. A node keeps what it was sent in its cache, by digest, for the next job.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from repocomp import directories
from repocomp.errors import WorkerError
from repocomp.process import secure_imports
from repocomp.store.connect import lock

PIECE_BYTES = 4 << 20
_FETCH_MS = 3_600_000
_KEPT_S = 7 * 86_400
_KEPT_BYTES = 20 << 30
"""What a node was sent stays in its cache for so long after it was last asked for, the newest of it up to so much."""


def depot() -> Path:
    """Where a node keeps what it was sent."""
    folder = directories.cache() / "delivered"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class Reader:
    """An actor: reads pieces of the files of its machine."""

    def __init__(self) -> None:
        secure_imports()
        self._sent_bytes = 0

    def piece(self, path: str, offset: int) -> bytes:
        """At most `PIECE_BYTES` from there on."""
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(PIECE_BYTES)
        self._sent_bytes += len(data)
        return data

    def sent_bytes(self) -> int:
        """How much was read in all."""
        return self._sent_bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file or folder `where` it lies for the `reader`; `files` are relative names with sizes, "" the file itself."""

    where: str
    digest: str
    files: tuple[tuple[str, int], ...]
    reader: Any

    @classmethod
    def of(cls, path: Path, reader: Any) -> Delivered:  # noqa: ANN401  (an actor)
        """Digest names and contents of the regular files at `path`."""
        found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        files = tuple(("" if one == path else one.relative_to(path).as_posix(), one.stat().st_size) for one in found)
        return cls(str(path), _digest(path, files), files, reader)

    def path(self) -> Path:
        """Where it lies on this node, fetched if need be. Raises WorkerError where other bytes came than were here."""
        target = depot() / self.digest
        with lock(target.with_suffix(".lock"), wait_ms=_FETCH_MS):
            if not target.exists():
                _sweep(depot())
                self._fetch(target)
            os.utime(target)
        return target

    def _fetch(self, target: Path) -> None:
        import ray

        with TemporaryDirectory(dir=target.parent) as folder:
            fresh = Path(folder) / "fresh"
            for name, size in self.files:
                file, source = (fresh / name, os.path.join(self.where, name)) if name else (fresh, self.where)
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                    for offset in range(0, size, PIECE_BYTES):
                        stream.write(ray.get(self.reader.piece.remote(source, offset)))
            if _digest(fresh, self.files) != self.digest:
                raise WorkerError(f"{self.where}: has changed while it was sent", "run it again")
            fresh.replace(target)


def _digest(path: Path, files: Iterable[tuple[str, int]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, size in files:
        digest.update(f"{name}\0{size}\0".encode(errors="surrogateescape"))
        with open(path / name if name else path, "rb") as file:
            while data := file.read(PIECE_BYTES):
                digest.update(data)
    return digest.hexdigest()


def _sweep(folder: Path) -> None:
    """Remove what was not asked for lately. Whoever has it open can go on reading."""
    kept = 0
    for old in sorted(folder.iterdir(), key=lambda one: -one.stat().st_mtime):
        files = [old, *old.rglob("*")] if old.is_dir() else [old]
        kept += sum(file.stat().st_size for file in files)
        if time.time() - old.stat().st_mtime > _KEPT_S or kept > _KEPT_BYTES:
            with contextlib.suppress(OSError):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
