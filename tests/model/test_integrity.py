"""Files of packs: digested, known again without being read, and never waited for where they are no files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repocomp.errors import PackError
from repocomp.model import integrity
from repocomp.model.home import checked_folder
from repocomp.model.integrity import check_files, digest_of, file_digest


@pytest.fixture
def digested(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the files that were read to be digested; files from 100 bytes on are large."""
    sizes: list[int] = []
    inner = integrity._digest

    def counted(file: object) -> str:
        sizes.append(os.fstat(file.fileno()).st_size)  # type: ignore[attr-defined]
        return inner(file)  # type: ignore[arg-type]

    monkeypatch.setattr(integrity, "_digest", counted)
    monkeypatch.setattr(integrity, "LARGE_BYTES", 100)
    return sizes


def test_a_large_file_is_digested_once(tmp_path: Path, digested: list[int]) -> None:
    (tmp_path / "large").write_bytes(b"x" * 200)
    (tmp_path / "small").write_bytes(b"y")
    digests = {"large": digest_of(b"x" * 200), "small": digest_of(b"y")}
    for _ in range(3):
        check_files(tmp_path, digests)
    assert sorted(digested) == [1, 1, 1, 200]


@pytest.mark.parametrize("change", ["content", "time", "inode", "digest", "marker"])
def test_a_file_that_is_another_is_digested_again(tmp_path: Path, digested: list[int], change: str) -> None:
    path, data = tmp_path / "large", b"x" * 200
    path.write_bytes(data)
    digests = {"large": digest_of(data)}
    check_files(tmp_path, digests)
    if change == "content":
        path.write_bytes(b"z" * 200)
        os.utime(path, ns=(0, 0))
    elif change == "time":
        os.utime(path, ns=(5, 5))
    elif change == "inode":
        state = path.stat()
        path.rename(tmp_path / "old")
        path.write_bytes(data)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    elif change == "digest":
        digests = {"large": digest_of(b"other")}
    else:
        for marker in checked_folder().iterdir():
            marker.write_text("[")
    if change in ("content", "digest"):
        with pytest.raises(PackError, match="damaged"):
            check_files(tmp_path, digests)
    else:
        check_files(tmp_path, digests)
    assert digested == [200, 200]


def test_without_a_cache_the_file_is_digested_each_time(
    tmp_path: Path, digested: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "large").write_bytes(b"x" * 200)
    for _ in range(2):
        check_files(tmp_path, {"large": digest_of(b"x" * 200)})
    assert digested == [200, 200]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PackError, match="not a regular file"):
        check_files(tmp_path, {"pipe": "b2:0"})
    with pytest.raises(OSError, match="not a regular file"):
        file_digest(tmp_path / "pipe")
