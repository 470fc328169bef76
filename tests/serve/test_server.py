"""The socket side alone, with a handler of the test's own: who is served, who is not, what is cleaned up."""

from __future__ import annotations

import _socket
import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import quick
from repocomp.errors import ServeError
from repocomp.serve import client, protocol, server
from repocomp.serve.call import Call
from repocomp.serve.deferred import DeferredJobs
from repocomp.serve.endpoint import listening
from repocomp.serve.lines import LineDoor
from repocomp.serve.server import Server


@pytest.fixture(autouse=True)
def runtime(runtime_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
    return runtime_folder / "repocomp"


def echo(call: Call) -> bool:
    call.send({"completion": {"text": call.message.get("say", "")}}, last=True)
    return True


@contextmanager
def serving(handle: Callable[[Call], bool] = echo, idle_s: float | None = None) -> Iterator[Server]:
    with listening() as (listener, token):
        serves = Server([LineDoor(listener, token, handle, dict)], idle_s, DeferredJobs())
        thread = threading.Thread(target=serves.run)
        thread.start()
        try:
            yield serves
        finally:
            serves.stop()
            thread.join(10)
            assert not thread.is_alive()


def connect() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    connection.connect(os.path.join(protocol.folder(), protocol.SOCKET))
    return connection


def request(**fields: Any) -> bytes:
    return protocol.encode({"op": "complete", "protocol": protocol.VERSION, "identity": protocol.IDENTITY, **fields})


def answer(connection: socket.socket, line: bytes) -> dict[str, Any]:
    connection.sendall(line)
    data = b""
    while chunk := connection.recv(1 << 16):
        data += chunk
    connection.close()
    *before, last = map(json.loads, data.splitlines())
    assert all(list(message) == ["accepted"] for message in before)
    message: dict[str, Any] = last
    return message


def said(connection: socket.socket, line: bytes) -> str:
    """The text of the completion that comes back."""
    text: str = answer(connection, line)["completion"]["text"]
    return text


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_one_line_each_way_then_the_end() -> None:
    with serving():
        assert said(connect(), request(say="hello")) == "hello"


def test_requests_are_answered_however_they_are_cut_and_however_long() -> None:
    text = "é" * 200_000
    line = request(say=text)
    with serving():
        connection = connect()
        for byte in line[:20]:
            connection.sendall(bytes([byte]))
        assert said(connection, line[20:]) == text


@pytest.mark.parametrize("line", [b"\n", b"garbage\n", b"[1]\n", b"\xff\xfe\n", b'{"op": "frobnicate"}\n'])
def test_garbage_is_declined_and_the_next_is_served(line: bytes) -> None:
    with serving():
        declined = answer(connect(), line)
        assert list(declined) == ["declined"]
        if b"frobnicate" not in line:
            assert said(connect(), request(say="still here")) == "still here"


def test_a_line_that_never_ends_is_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LIMIT_BYTES", 1000)
    with serving():
        assert "too long" in answer(connect(), b"x" * 2000)["declined"]


def test_a_peer_that_stalls_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_LINE_S", 0.05)
    with serving():
        connection = connect()
        connection.sendall(b'{"op": ')
        assert connection.recv(1) == b""
        connection.close()


def test_a_client_that_vanished_frees_the_work_at_once() -> None:
    begun, freed = threading.Event(), threading.Event()

    def work(call: Call) -> bool:
        if call.message.get("say"):
            return echo(call)
        begun.set()
        if call.cancelled.wait(10):
            freed.set()
        return True

    with serving(work):
        connection = connect()
        connection.sendall(request())
        assert begun.wait(10)
        waiting = connect()
        waiting.sendall(request())
        waiting.close()
        connection.close()
        assert freed.wait(10)
        assert said(connect(), request(say="next")) == "next"


def test_streamed_lines_come_before_the_last() -> None:
    def stream(call: Call) -> bool:
        for word in ("a", "b"):
            call.send({"text": word})
        return echo(call)

    with serving(stream):
        connection = connect()
        connection.sendall(request(say="c"))
        lines = connection.makefile("rb").read().splitlines()
        connection.close()
        assert [json.loads(line) for line in lines] == [
            {"accepted": 1},
            {"text": "a"},
            {"text": "b"},
            {"completion": {"text": "c"}},
        ]


def test_another_protocol_is_declined_and_the_daemon_stays() -> None:
    with serving() as serves:
        assert "protocol" in answer(connect(), request(protocol=1))["declined"]
        assert not serves._leaving


def test_who_names_no_installation_is_served() -> None:
    with serving():
        line = protocol.encode({"op": "complete", "protocol": protocol.VERSION, "say": "editor"})
        assert said(connect(), line) == "editor"


def test_another_version_is_declined_and_the_daemon_leaves() -> None:
    with serving() as serves:
        assert "declined" in answer(connect(), request(identity="0.0 /elsewhere"))
        assert serves._is_done()


def test_a_bug_in_the_handler_ends_the_daemon_and_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def broken(call: Call) -> bool:
        raise ZeroDivisionError

    with serving(broken):
        assert "declined" in answer(connect(), request())


def test_the_handler_may_end_the_daemon() -> None:
    def last(call: Call) -> bool:
        echo(call)
        return False

    with listening() as (listener, token):
        serves = Server([LineDoor(listener, token, last, dict)], None, DeferredJobs())
        thread = threading.Thread(target=serves.run)
        thread.start()
        assert said(connect(), request(say="bye")) == "bye"
        thread.join(10)
        assert not thread.is_alive()


def test_idle_it_ends_by_itself_and_leaves_no_socket(runtime: Path) -> None:
    with listening() as (listener, token):
        Server([LineDoor(listener, token, echo, dict)], 0.05, DeferredJobs()).run()
    assert sorted(path.name for path in runtime.iterdir()) == [protocol.LOCK]


def test_status_and_stop() -> None:
    with serving(idle_s=60) as serves:
        answer(connect(), request())
        said = client.tell("status")
        assert said is not None
        assert (said["pid"], said["requests"], said["idle_exit_s"]) == (os.getpid(), 1, 60)
        assert client.tell("stop") == {"stopping": os.getpid()}
        assert serves._leaving
    assert client.tell("status") is None


def test_of_two_daemons_one_is_told_so() -> None:
    with serving(), pytest.raises(ServeError, match="already there"), listening():
        pass


def test_what_a_crashed_daemon_left_is_replaced(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(runtime / protocol.SOCKET))
    assert client.connect() is None
    with serving():
        assert said(connect(), request(say="new")) == "new"


def test_the_socket_is_private(runtime: Path) -> None:
    with serving():
        modes = [path.stat().st_mode & 0o777 for path in (runtime, runtime / protocol.SOCKET)]
    assert modes == [0o700, 0o700]
    runtime.chmod(0o755)
    assert client.connect() is None
    with pytest.raises(ServeError, match="alone"), listening():
        pass


def test_another_users_process_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving():
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        connection = connect()
        assert connection.recv(1) == b""
        connection.close()


def test_where_sockets_know_no_user_a_token_does(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    pair = socket.socketpair()
    monkeypatch.setattr(socket, "socketpair", lambda: pair)
    monkeypatch.delattr(socket, "AF_UNIX")
    monkeypatch.delattr(_socket, "AF_UNIX")
    with serving():
        assert client.tell("status") is not None
        assert (runtime / protocol.ADDRESS).stat().st_mode & 0o777 == 0o600
        port = int((runtime / protocol.ADDRESS).read_text().split()[0])
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            assert "token" in answer(stranger, protocol.encode({"op": "stop", "token": "guess"}))["declined"]
        assert client.tell("status") is not None
    assert not (runtime / protocol.ADDRESS).exists()


def test_unfinished_lines_share_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_BUFFERED_BYTES", 3000)
    with serving():
        first = connect()
        first.sendall(b"x" * 2000)
        client.tell("status")
        assert "not whole" in answer(connect(), b"x" * 2000)["declined"]
        first.close()


def test_more_peers_than_it_holds_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_PEERS", 2)
    with serving() as serves:
        held = [connect(), connect()]
        until(lambda: len(serves._peers) == 2)
        assert client.tell("status") is None
        for connection in held:
            connection.close()
        until(lambda: not serves._peers)
        assert client.tell("status") is not None


class Exhausted:
    """A listener of a process that has no descriptor left."""

    def __init__(self, inner: socket.socket) -> None:
        self.inner, self.asked = inner, 0

    def accept(self) -> Any:
        self.asked += 1
        raise OSError(24, "Too many open files")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_without_descriptors_it_waits_instead_of_spinning() -> None:
    with listening() as (listener, token):
        exhausted = Exhausted(listener)
        serves = Server([LineDoor(exhausted, token, echo, dict)], None, DeferredJobs())  # type: ignore[arg-type]
        thread = threading.Thread(target=serves.run)
        thread.start()
        with connect():
            until(lambda: exhausted.asked > 0)
            time.sleep(0.1)
            assert exhausted.asked == 1
        serves.stop()
        thread.join(10)


def test_sockets_are_closed(runtime: Path) -> None:
    with serving():
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        for number in range(20):
            answer(connect(), request(say=str(number)))
            connect().close()
        client.tell("status")
        after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after <= before + 1


def test_a_daemon_that_dies_while_it_is_written_to_is_no_answer(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    buffer = b"x = 1\n" * 1_000_000
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(buffer)))
    with listening() as (listener, _):
        dying = threading.Thread(target=lambda: listener.accept()[0].close())
        dying.start()
        assert quick.ask(["-:1:1", "--stdin-filename", "a.py"]) is None
        dying.join(10)
    assert sys.stdin.buffer.read() == buffer
    assert capfdbinary.readouterr() == (b"", b"")


@pytest.mark.parametrize("pieces", [[], ["def "]])
def test_a_daemon_that_dies_amid_its_answer(
    pieces: list[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def die(call: Call) -> bool:
        for piece in pieces:
            call.send({"text": piece})
        call.decline("leaving")
        return True

    (tmp_path / "a.py").write_text("x = 1\n")
    with serving(die):
        assert quick.ask([f"{tmp_path / 'a.py'}:1:1", "--stream"]) == (2 if pieces else None)
    out, err = capfdbinary.readouterr()
    assert (out, b"went away" in err) == ("".join(pieces).encode(), bool(pieces))
