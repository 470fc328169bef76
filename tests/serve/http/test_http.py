"""The HTTP door with real requests: those of llama.vim in Vim and of OpenAI's Python client, byte for byte."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repocomp.errors import ServeError
from repocomp.index.build import build
from repocomp.request import Completion
from repocomp.serve.deferred import DeferredJobs
from repocomp.serve.follow_up import FollowUp
from repocomp.serve.http.door import HttpDoor
from repocomp.serve.http.endpoint import HttpAddress, listen, token, token_file
from repocomp.serve.http.wire import Guard
from repocomp.serve.server import Server
from repocomp.service.service import CompletionService, Prepared
from repocomp.store.feedback.connect import open_feedback
from repocomp.store.paths import feedback_paths
from tests.conftest import Repository, write_files

CASES = Path(__file__).parents[2] / "cases" / "http"
FILES = {
    "inventory.py": (
        "def reserve_stock(items):\n    return [item.sku for item in items]\n\n\n"
        "def release_stock(items):\n    return len(items)\n"
    ),
    "orders.py": (
        "from inventory import reserve_stock, release_stock\n\n\ndef place_order(customer, items):\n"
        "    total = sum(item.price for item in items)\n    reserved = reserve_stock(items)\n    return \n\n\n"
        "def cancel_order(order):\n    release_stock(order.items)\n"
    ),
}


def case(name: str) -> bytes:
    return (CASES / f"{name}.http").read_bytes()


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """Of a stream, without the mark of its end."""
        lines = [line.removeprefix(b"data: ") for line in self.body.split(b"\n\n") if line]
        assert lines.pop() == b"[DONE]"
        return [json.loads(line) for line in lines]


class Recording(CompletionService):
    """Remembers what it was asked, and can be made to wait."""

    def __init__(self) -> None:
        super().__init__(1 << 30)
        self.asked: list[Prepared] = []
        self.cancelled = threading.Event()
        self.waits = False
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1
        super().reset()

    def answer(
        self, prepared: Prepared, emit: Any = None, is_cancelled: Any = None, waited_ms: float = 0
    ) -> Completion:
        self.asked.append(prepared)
        while self.waits and not self.cancelled.is_set():
            if is_cancelled():
                self.cancelled.set()
            time.sleep(0.005)
        return super().answer(prepared, emit, is_cancelled, waited_ms)


@dataclass
class Endpoint:
    port: int
    service: Recording

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 60)

    def send(self, data: bytes) -> Reply:
        with self.connect() as connection:
            connection.sendall(data)
            return read(connection)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.send(request("POST", path, json.dumps(body).encode(), **headers))


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    usual = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    named = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def read(connection: socket.socket) -> Reply:
    data = b""
    while more := connection.recv(1 << 16):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    headers = dict(field.lower().split(": ", 1) for field in fields)
    return Reply(int(first.split(" ")[1]), headers, body)


@contextmanager
def serving(guard: Guard = Guard(None)) -> Iterator[Endpoint]:  # noqa: B008  (a frozen value)
    service, jobs = Recording(), DeferredJobs()
    with listen(HttpAddress("127.0.0.1", 0)) as listener:
        server = Server([HttpDoor(listener, guard, service, FollowUp(service, jobs))], None, jobs)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield Endpoint(listener.getsockname()[1], service)
        finally:
            server.stop()
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as one:
        yield one


@pytest.fixture
def root(repository: Repository) -> Path:
    tree = repository(FILES)
    build(tree)
    return tree


def test_llama_vim_is_answered_from_its_repository(endpoint: Endpoint, root: Path) -> None:
    reply = endpoint.send(case("llama-vim"))
    assert reply.status == 200
    assert reply.json["content"].strip()
    # The fields that it reads, under the names that it reads them by.
    assert reply.json["timings/prompt_n"] >= 0
    assert reply.json["timings/predicted_per_second"] > 0
    assert reply.json["truncated"] is False
    (asked,) = endpoint.service.asked
    assert (asked.request.root, asked.request.document.path) == (root, "orders.py")
    assert asked.request.document.data.decode() == FILES["orders.py"]
    assert (asked.request.cursor.line, asked.request.cursor.column) == (7, 12)
    assert (asked.request.options.max_new_tokens, asked.request.options.deadline_ms) == (128, None)


def test_llama_vim_warms_up_for_nothing(endpoint: Endpoint, root: Path) -> None:
    assert endpoint.send(case("llama-vim-warm")).json == {}
    assert not endpoint.service.asked


def test_the_openai_client_is_answered(endpoint: Endpoint, root: Path) -> None:
    reply = endpoint.send(case("openai")).json
    assert (reply["object"], reply["choices"][0]["finish_reason"]) == ("text_completion", "stop")
    assert reply["choices"][0]["text"] == endpoint.send(case("llama-vim")).json["content"]
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] + reply["usage"]["completion_tokens"]


def test_a_prompt_of_a_family_is_taken_apart_and_streamed(endpoint: Endpoint, root: Path) -> None:
    reply = endpoint.send(case("openai-stream"))
    assert reply.headers["content-type"] == "text/event-stream"
    text = "".join(event["choices"][0]["text"] for event in reply.events)
    assert text == endpoint.send(case("openai")).json["choices"][0]["text"]
    assert reply.events[-1]["choices"][0]["finish_reason"] == "stop"
    first, second = endpoint.service.asked
    assert first.request.document == second.request.document
    assert first.request.root == root


def test_models_and_health(endpoint: Endpoint) -> None:
    assert [model["id"] for model in endpoint.send(case("openai-models")).json["data"]] == ["repocomp"]
    assert endpoint.send(request("GET", "/health")).json == {"status": "ok"}


def test_infill_is_streamed_too(endpoint: Endpoint, root: Path) -> None:
    body = {"input_prefix": "def f(x):\n    return x\n\n\ndef g(x):\n", "input_suffix": "\n", "stream": True}
    events = [json.loads(line[6:]) for line in endpoint.post("/infill", body).body.split(b"\n\n") if line]
    assert "".join(event["content"] for event in events).strip()
    assert [event["stop"] for event in events[-2:]] == [False, True]


def test_an_answer_ends_before_what_it_is_to_stop_at(endpoint: Endpoint, root: Path) -> None:
    whole = endpoint.send(case("openai")).json["choices"][0]["text"]
    body = json.loads(case("openai").partition(b"\r\n\r\n")[2])
    stop = whole[2:4]
    reply = endpoint.post("/v1/completions", {**body, "stop": [stop]}).json
    assert reply["choices"][0]["text"] == whole.partition(stop)[0]
    streamed = endpoint.post("/v1/completions", {**body, "stop": stop, "stream": True}).events
    assert "".join(event["choices"][0]["text"] for event in streamed) == whole.partition(stop)[0]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"prompt": "x = \n"}, {"X_Repocomp_File": "{root}/inventory.py"}),
        ({"prompt": "x = \n", "file": "{root}/inventory.py"}, {}),
        ({"prompt": "x = \n", "file": "inventory.py"}, {}),
    ],
)
def test_a_client_can_tell_its_file(endpoint: Endpoint, root: Path, body: Any, headers: dict[str, str]) -> None:
    filled = {name: value.replace("{root}", str(root)) for name, value in body.items()}
    told = {name: value.replace("{root}", str(root)) for name, value in headers.items()}
    endpoint.post("/v1/completions", filled, **told)
    (asked,) = endpoint.service.asked
    assert (asked.request.root, asked.request.document.path) == (root, "inventory.py")


def test_other_files_tell_the_repository_of_a_new_one(endpoint: Endpoint, root: Path) -> None:
    body = {"input_prefix": "x = ", "input_suffix": "\n", "input_extra": [{"filename": "inventory.py", "text": ""}]}
    endpoint.post("/infill", body)
    (asked,) = endpoint.service.asked
    assert asked.request.root == root
    assert asked.request.document.path.endswith(".py")


def test_text_from_nowhere_is_answered_by_itself(endpoint: Endpoint, root: Path) -> None:
    assert endpoint.post("/infill", {"input_prefix": "for number in ran", "input_suffix": "\n"}).status == 200
    (asked,) = endpoint.service.asked
    assert asked.request.root is None


def test_what_a_client_leaves_out_is_read_from_the_file(endpoint: Endpoint, root: Path) -> None:
    lines = [f"def name_of_number_{number}(argument):\n    return argument + {number}\n" for number in range(400)]
    write_files(root, {"long.py": "\n".join(lines)})
    build(root)
    text = "\n".join(lines)
    at = text.index("    return argument + 200")
    left, right = text[:at], text[at:]
    sent = {"input_prefix": left[left.index("def name_of_number_150") :], "input_suffix": "\n" + right[:900]}
    sent["input_suffix"] = sent["input_suffix"][: sent["input_suffix"].rindex("\n") + 1]
    endpoint.post("/infill", {**sent, "n_predict": 4})
    (asked,) = endpoint.service.asked
    assert asked.request.document.path == "long.py"
    assert asked.request.cursor.line == left.count("\n") + 1
    assert asked.request.document.data.decode().startswith(left)


def test_eight_clients_at_once(endpoint: Endpoint, root: Path) -> None:
    replies: list[Any] = []
    sends: list[Callable[[], Reply]] = [lambda: endpoint.send(case("openai")), lambda: endpoint.send(case("llama-vim"))]
    threads = [threading.Thread(target=lambda send=send: replies.append(send().json)) for send in sends * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    texts = {reply["content"] if "content" in reply else reply["choices"][0]["text"] for reply in replies}
    assert (len(replies), len(texts)) == (8, 1)


def test_hanging_up_cancels(endpoint: Endpoint, root: Path) -> None:
    endpoint.service.waits = True
    with endpoint.connect() as connection:
        connection.sendall(case("llama-vim"))
        while not endpoint.service.asked:
            time.sleep(0.005)
    assert endpoint.service.cancelled.wait(10)


def test_answers_are_recorded_as_not_shown(endpoint: Endpoint, root: Path) -> None:
    endpoint.send(case("openai"))
    # The record follows the reply.
    rows: list[Any] = []
    deadline = time.monotonic() + 20
    while not rows and time.monotonic() < deadline:
        time.sleep(0.02)
        for path in feedback_paths():
            with closing(open_feedback(path)) as connection:
                rows = connection.execute("SELECT shown FROM impression").fetchall()
    assert rows == [(0,)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8012"}, 403),
        ({"Host": ""}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_no_web_page_is_answered(endpoint: Endpoint, headers: dict[str, str], status: int) -> None:
    reply = endpoint.post("/infill", {"input_prefix": "x = "}, **headers)
    assert reply.status == status
    assert "access-control-allow-origin" not in reply.headers
    assert not endpoint.service.asked
    preflight = endpoint.send(request("OPTIONS", "/infill", Origin="https://evil.example"))
    assert preflight.status == 403


@pytest.mark.parametrize("host", ["localhost:8012", "LOCALHOST", "127.0.0.1:1", "[::1]:8012"])
def test_this_machine_goes_by_several_names(endpoint: Endpoint, host: str) -> None:
    assert endpoint.send(request("GET", "/health", Host=host)).status == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (request("POST", "/infill", b"{"), 400),
        (request("POST", "/infill", b"[]"), 400),
        (request("POST", "/infill", b"[" * 100_000), 400),
        (request("POST", "/infill", b'{"input_prefix": 1}'), 400),
        (request("POST", "/infill", b'{"input_extra": [1]}'), 400),
        (request("POST", "/infill", b'{"n_predict": "many"}'), 400),
        (request("POST", "/infill", b'{"n_predict": NaN}'), 400),
        (request("POST", "/v1/completions", b"{}"), 400),
        (request("POST", "/v1/completions", b'{"prompt": [1, 2]}'), 400),
        (request("POST", "/v1/completions", b'{"prompt": "", "stop": [1]}'), 400),
        (request("POST", "/v1/chat/completions", b"{}"), 404),
        (request("GET", "/infill"), 405),
        (request("POST", "/infill", Content_Length="x"), 400),
        (request("POST", "/infill", Content_Length="-1"), 400),
        (request("POST", "/infill", Content_Length="99999999"), 413),
        (request("POST", "/infill", Transfer_Encoding="chunked"), 411),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, 431),
    ],
)
def test_what_is_no_request_is_refused(endpoint: Endpoint, data: bytes, status: int) -> None:
    reply = endpoint.send(data)
    assert reply.status == status
    assert reply.json["error"]["message"]
    assert endpoint.send(request("GET", "/health")).status == 200


def test_a_large_body_is_asked_for_first(endpoint: Endpoint) -> None:
    data = request("POST", "/infill", b'{"n_predict": 0}', Expect="100-continue")
    head, _, body = data.partition(b"\r\n\r\n")
    with endpoint.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read(connection).status == 200


def test_beyond_loopback_a_token_is_asked_for() -> None:
    secret = token()
    assert token() == secret
    assert token_file().stat().st_mode & 0o777 == 0o600
    with serving(Guard(secret)) as endpoint:
        assert endpoint.send(request("GET", "/health", Host="box.example")).status == 401
        wrong = request("GET", "/health", Host="box.example", Authorization="Bearer wrong")
        assert endpoint.send(wrong).status == 401
        right = request("GET", "/health", Host="box.example", Authorization=f"Bearer {secret}")
        assert endpoint.send(right).status == 200


@pytest.mark.parametrize("text", ["x", "70000", "-1", "evil.example:80", "127.0.0.1:", "1.2.3:4"])
def test_addresses_that_cannot_be_listened_at(text: str) -> None:
    with pytest.raises(ServeError, match="no address to listen at"):
        HttpAddress.parse(text)


def test_loopback_is_known() -> None:
    assert HttpAddress.parse("8012") == HttpAddress("127.0.0.1", 8012)
    assert [HttpAddress.parse(text).is_loopback for text in ("[::1]:1", "localhost:1", "0.0.0.0:1", "[::]:1")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "name", ["/tmp/\ud800.py", "\ud800.py", "/tmp/a\0b", "a\0b.py", f"/tmp/{'x' * 5000}", "x" * 5000]
)
def test_names_that_no_file_can_have_are_the_clients_mistake(endpoint: Endpoint, root: Path, name: str) -> None:
    context = {"input_prefix": "def f(", "input_suffix": ")", "n_predict": 2}
    prompt = f"<|repo_name|>r\n<|file_sep|>{name}\n<|fim_prefix|>def f(<|fim_suffix|>)<|fim_middle|>"
    replies = [
        endpoint.post("/infill", {**context, "file": name}),
        endpoint.post("/infill", {**context, "input_extra": [{"filename": name, "text": "x"}]}),
        endpoint.post("/v1/completions", {"prompt": prompt, "max_tokens": 2}),
    ]
    for reply in replies:
        assert reply.status == 200 or (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
    # Nor is anything forgotten for it: what stays in memory belongs to all clients.
    assert endpoint.service.resets == 0


def test_text_that_is_no_text_is_the_clients_mistake(endpoint: Endpoint, root: Path) -> None:
    reply = endpoint.post("/infill", {"input_prefix": "a\0b", "input_suffix": "", "n_predict": 2})
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
