"""What a person names is read once: from a file, or from a pipe that somebody feeds; nothing is waited for in vain."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from repocomp import named_files
from repocomp.named_files import open_regular, read_named, read_regular, read_text

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_is_read_from_a_writer_that_comes_a_little_later_and_writes_in_pieces(
    pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_files, "_WRITER_S", 60)

    def write() -> None:
        time.sleep(0.05)
        with pipe.open("wb", buffering=0) as file:
            for piece in (b"a", "é".encode()[:1], "é".encode()[1:] + b"b" * 200_000):
                file.write(piece)
                time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_text(pipe) == "aé" + "b" * 200_000
    writer.join()


def test_a_pipe_that_nobody_writes_to_is_refused(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_files, "_WRITER_S", 0.01)
    with pytest.raises(OSError, match="nobody writes"):
        read_named(pipe, 100)


def test_a_stream_without_an_end_is_refused() -> None:
    with pytest.raises(OSError, match="larger than 1,000"):
        read_named(Path("/dev/zero"), 1000)


def test_standard_input_has_a_path() -> None:
    code = "from pathlib import Path; from repocomp.named_files import read_text; print(read_text(Path('/dev/stdin')))"
    done = subprocess.run([sys.executable, "-c", code], input=b"abc", capture_output=True, check=True)
    assert done.stdout == b"abc\n"


def test_only_a_regular_file_is_opened_where_one_is_wanted(pipe: Path, tmp_path: Path) -> None:
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError):
            read_regular(path, 1 << 20)
    (tmp_path / "file").write_bytes(b"x" * 11)
    (tmp_path / "link").symlink_to("file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"x" * 11
    with pytest.raises(OSError, match="more than 10"):
        read_regular(tmp_path / "file", 10)
