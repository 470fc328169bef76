"""Another engine's answers are scored like ours; whatever it does wrong is an empty answer with a name."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from repocomp.bench.completion.rivals import Rival
from repocomp.document import Document
from repocomp.errors import BenchError
from repocomp.evaluate.holes import Hole

CODE = b"def f(alpha):\n    return alpha\n"
HOLE = Hole(Document("a.py", CODE), 18, 30, "line")
Reply = tuple[int, bytes]
Serve = Callable[[Callable[[str, dict[str, Any]], Reply]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that answers by a function of path and body; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str, dict[str, Any]], Reply]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, data = answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(data) if data != b"half" else 4000))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_both_protocols_get_both_sides(serve: Serve) -> None:
    asked: list[dict[str, Any]] = []

    def answer(path: str, body: dict[str, Any]) -> Reply:
        asked.append(body)
        text = "return alpha\n\n\ndef g():"
        reply = {"content": text} if path == "/infill" else {"choices": [{"text": text}]}
        return 200, json.dumps(reply).encode()

    url = serve(answer)
    for path in ("/infill", "/v1/completions"):
        scored = Rival(url + path, 32).answer(HOLE)
        assert (scored.text, scored.exact, scored.similarity) == ("return alpha", True, 1.0)
        assert scored.ms["decode"] > 0
    assert (asked[0]["input_prefix"], asked[0]["input_suffix"]) == ("def f(alpha):\n    ", "\n")
    assert (asked[1]["prompt"], asked[1]["suffix"], asked[1]["max_tokens"]) == ("def f(alpha):\n    ", "\n", 32)


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        ((500, b"{}"), "HTTP status 500"),
        ((404, b"<html>"), "HTTP status 404"),
        ((200, b"<html>hello</html>"), "a reply that is not its format"),
        ((200, b'{"content": '), "a reply that is not its format"),
        ((200, b"[]"), "a reply that is not its format"),
        ((200, b'{"content": null}'), "a reply without text"),
        ((200, b""), "a reply that is not its format"),
    ],
)
def test_bad_replies_are_empty_answers_with_a_name(serve: Serve, reply: Reply, failure: str) -> None:
    rival = Rival(serve(lambda path, body: reply) + "/infill", 8)
    assert rival.answer(HOLE).similarity == 0.0
    assert rival.failures == {failure: 1}


def test_an_engine_that_hangs_or_is_gone_is_left(serve: Serve) -> None:
    def hang(path: str, body: dict[str, Any]) -> Reply:
        time.sleep(2)
        return 200, b"{}"

    slow = Rival(serve(hang) + "/infill", 8, timeout=0.2)
    assert slow.answer(HOLE).text == ""
    gone = Rival("http://127.0.0.1:9/infill", 8)
    assert gone.answer(HOLE).text == ""
    assert (list(slow.failures), list(gone.failures)) == (["no reply in 0 s"], ["no connection"])


def test_half_an_answer_is_not_an_answer(serve: Serve) -> None:
    rival = Rival(serve(lambda path, body: (200, b"half")) + "/infill", 8, timeout=0.5)
    assert rival.answer(HOLE).text == ""
    assert sum(rival.failures.values()) == 1


@pytest.mark.parametrize("url", ["", "localhost:8012/infill", "file:///etc/passwd", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BenchError, match="no address"):
        Rival(url, 8)
