"""Every fault of a server, injected on a real socket: one clear line, nothing repeated of what it says, no hang."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repocomp.budget import Budget
from repocomp.errors import GeneratorError
from repocomp.generate.access import Access
from repocomp.generate.http import exchange
from repocomp.generate.http.breaker import Breaker
from repocomp.generate.http.faults import ServerFault
from tests.generate.http.server import Behaviour, hang, infill, serving, stream, trickle, whole
from tests.generate.http.test_wires import FREE, opened, task

SECRET = "the text that was sent"
KEY = "sk-hidden"


def answer(status: str, body: str, kind: str = "application/json") -> Behaviour:
    return whole(status, kind, body.encode())


def fault_of(behaviour: Behaviour, scheme: str = "llamacpp", budget: Budget | None = None) -> GeneratorError:
    with serving(behaviour) as server:
        generator = opened(f"{scheme}:{server.url}#some-model", Access(key=KEY))
        with pytest.raises(GeneratorError) as caught:
            generator.complete(task(generator), FREE, budget or Budget())
        said = f"{caught.value.message} {caught.value.hint}"
        assert not [leak for leak in (SECRET, KEY, "127.0.0.1", str(server.port)) if leak in said]
        assert "\n" not in said
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        pytest.param(answer("200 OK", f"<html>{SECRET}</html>", "text/html"), "a page for people", id="HTML"),
        pytest.param(answer("200 OK", f"[{SECRET}"), "not its protocol", id="no JSON"),
        pytest.param(answer("200 OK", "[1]"), "not its protocol", id="no object"),
        pytest.param(answer("200 OK", '{"text": 1}'), "not its protocol", id="wrong JSON"),
        pytest.param(answer("200 OK", "[" * 100_000), "not its protocol", id="deep JSON"),
        pytest.param(stream({"choices": []}), "not its protocol", id="wrong stream"),
        pytest.param(answer("200 OK", SECRET, "text/plain"), "not its protocol", id="plain text"),
        pytest.param(answer("200 OK", "x" * (1 << 23)), "more than is read", id="endless"),
        pytest.param(stream("x" * (1 << 19)), "more than is read", id="an endless line"),
        pytest.param(answer("429 Too Many Requests", SECRET), "too much to do", id="429"),
        pytest.param(answer("500 Internal Server Error", SECRET), "server failed", id="500"),
        pytest.param(answer("502 Bad Gateway", SECRET, "text/html"), "server failed", id="502"),
        pytest.param(answer("401 Unauthorized", SECRET), "wants a key", id="401"),
        pytest.param(answer("404 Not Found", '{"error": "model \'x\' not found"}'), "not have that model", id="model"),
        pytest.param(
            answer("400 Bad Request", '{"error": {"message": "the request exceeds the available context size"}}'),
            "too small a context",
            id="context",
        ),
        pytest.param(answer("422 Unprocessable Entity", SECRET), "rejects the request", id="422"),
        pytest.param(
            answer("400 Bad Request", "suffix is not currently supported"), "cannot fill in the middle", id="suffix"
        ),
        pytest.param(
            answer("501 Not Implemented", '{"error": {"message": "Infill is not supported by this model"}}'),
            "cannot fill in the middle",
            id="infill",
        ),
        pytest.param(stream({"error": {"code": 500, "message": SECRET}}), "server failed", id="an error in the stream"),
        pytest.param(stream({"content": "half", "stop": False}), "middle of its answer", id="half an answer"),
        pytest.param(stream({"content": "half", "stop": False}, is_whole=False), "middle of its answer", id="it dies"),
        pytest.param(lambda connection: None, "middle of its answer", id="it hangs up"),
        pytest.param(
            whole("302 Found", "text/plain", b"", "Location: http://127.0.0.1:1/infill"), "another address", id="302"
        ),
        pytest.param(
            whole("307 Temporary Redirect", "text/plain", b"", "Location: https://example.com/"),
            "another address",
            id="307",
        ),
    ],
)
def test_a_fault_is_one_line(behaviour: Behaviour, message: str) -> None:
    assert message in fault_of(behaviour).message


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    generator = opened(f"llamacpp:http://127.0.0.1:{port}")
    with pytest.raises(ServerFault, match="refuses the connection"):
        generator.complete(task(generator), FREE)


def test_a_server_that_is_silent_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "SILENCE_S", 0.2)
    assert "in time" in fault_of(hang()).message
    assert "in time" in fault_of(hang(stream({"content": "ha", "stop": False}, is_whole=False))).message


def test_a_server_that_trickles_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LONGEST_S", 0.2)
    assert "in time" in fault_of(trickle).message


@pytest.fixture
def certificate(tmp_path: Path) -> Iterator[Path]:
    """A certificate that signs itself."""
    path = tmp_path / "server.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-keyout", str(path), "-out", str(path) + ".crt"], check=True, capture_output=True
    )
    yield path


def test_a_certificate_that_nobody_vouches_for(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certificate}.crt", certificate)
    wrapped = serving(infill("g"), wrap=lambda plain: context.wrap_socket(plain, server_side=True))
    with wrapped as server:
        generator = opened(f"llamacpp:https://localhost:{server.port}")
        with pytest.raises(ServerFault, match="not trusted"):
            generator.complete(task(generator), FREE)
        assert not server.received
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        trusting = opened(f"llamacpp:https://localhost:{server.port}")
        assert trusting.complete(task(trusting), FREE).text == "g"


def test_a_server_that_speaks_no_tls() -> None:
    def plain(connection: socket.socket) -> socket.socket:
        connection.sendall(f"HTTP/1.1 400 Bad Request\r\n\r\n{SECRET}".encode())
        return connection

    with serving(infill("g"), wrap=plain) as server:
        generator = opened(f"llamacpp:https://localhost:{server.port}", Access(key=KEY))
        with pytest.raises(ServerFault, match="cannot be reached"):
            generator.complete(task(generator), FREE)
        assert not server.received


def test_a_redirect_is_not_followed() -> None:
    with serving(infill("g")) as other:
        fault_of(whole("302 Found", "text/plain", b"", f"Location: {other.url}/infill"))
        assert not other.connections


def test_no_server_holds_us_past_the_deadline() -> None:
    half = stream({"content": "ha", "stop": False}, is_whole=False)
    for behaviour in (hang(), hang(half), trickle):
        with serving(behaviour) as server:
            generator = opened(f"llamacpp:{server.url}")
            started = time.monotonic()
            said = generator.complete(task(generator), FREE, Budget.starting(started, 150))
            assert said.stop_reason == "deadline"
            # A busy machine is late, a hang is endless.
            assert time.monotonic() - started < 10


def test_a_server_that_failed_is_left_alone_and_then_tried_again() -> None:
    now = [100.0]
    with serving(answer("500 Internal Server Error", ""), infill("g")) as server:
        generator = opened(f"llamacpp:{server.url}")
        generator.breaker.clock = lambda: now[0]
        for seconds in (0.0, 1.0, 3.9):
            now[0] = 100.0 + seconds
            with pytest.raises(GeneratorError, match="server failed"):
                generator.complete(task(generator), FREE)
        assert len(server.received) == 1
        now[0] = 106.0
        assert generator.complete(task(generator), FREE).text == "g"


def test_a_breaker_waits_longer_each_time_and_counts_deadlines() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    fault = ServerFault("llamacpp", "silent")
    waits = []
    for _ in range(8):
        breaker.failed(fault)
        waits.append(breaker.until - now[0])
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    breaker.worked()
    breaker.check()
    for _ in range(2):
        breaker.was_slow(fault)
        breaker.check()
    breaker.was_slow(fault)
    with pytest.raises(GeneratorError, match="in time"):
        breaker.check()
