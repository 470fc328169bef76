"""The protocol without a model: life cycle, errors, cancellation and commands, by a worker that obeys the test."""

from __future__ import annotations

import json
import queue
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repocomp.serve.lsp import wire
from repocomp.serve.lsp.asked import Asked, Word
from repocomp.serve.lsp.session import Session
from tests.serve.lsp.client import Client, at, framed, server_in_thread

INLINE = "textDocument/inlineCompletion"


class Desk:
    """The worker's place: it hands each job to the test, and does nothing."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Asked | Word] = queue.SimpleQueue()

    def work(self, session: Session, jobs: Any) -> None:
        while (job := jobs.get()) is not None:
            self.jobs.put(job)

    def asked(self) -> Asked:
        job = self.jobs.get(timeout=10)
        assert isinstance(job, Asked)
        return job


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def served(desk: Desk) -> Iterator[tuple[Client, list[int]]]:
    with server_in_thread(desk.work) as found:
        yield found


@pytest.fixture
def client(served: tuple[Client, list[int]]) -> Client:
    return served[0]


def error_of(reply: dict[str, Any]) -> int:
    return int(reply["error"]["code"])


def test_ghost_text_where_the_editor_has_it_and_a_menu_where_it_has_not(client: Client) -> None:
    found = client.initialize(capabilities={"textDocument": {"inlineCompletion": {}}})
    assert found["serverInfo"]["name"] == "repocomp"
    capabilities = found["capabilities"]
    assert capabilities["inlineCompletionProvider"] is True
    assert "completionProvider" not in capabilities
    assert capabilities["textDocumentSync"]["change"] == 2
    assert set(capabilities["executeCommandProvider"]["commands"]) >= {"repocomp.accept", "repocomp.reject"}


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [(None, "utf-16"), (["utf-32", "utf-16"], "utf-32"), (["utf-16", "utf-8"], "utf-8"), (["utf-7"], "utf-16")],
)
def test_the_units_of_positions_are_agreed_on(client: Client, offered: object, agreed: str) -> None:
    general = {} if offered is None else {"positionEncodings": offered}
    found = client.initialize(capabilities={"general": general})["capabilities"]
    assert found["positionEncoding"] == agreed
    assert "completionProvider" in found


def test_an_answer_is_put_in_at_the_cursor_and_says_how_to_accept_it(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "é😀 = [\r\n")
    number = client.ask(INLINE, at(uri, 0, 3))
    asked = desk.asked()
    assert asked.question.data == "é😀 = [\r\n".encode()
    assert asked.question.place.offset == len("é😀".encode())
    assert asked.answer("c_1", "1,\r\n2]")
    item = client.reply(number)["result"]["items"][0]
    place = {"line": 0, "character": 3}
    assert (item["insertText"], item["range"]) == ("1,\n2]", {"start": place, "end": place})
    assert (item["command"]["command"], item["command"]["arguments"]) == ("repocomp.accept", ["c_1"])


def test_what_is_selected_in_the_menu_counts_as_written(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "x = nai()\n")
    start, end = {"line": 0, "character": 4}, {"line": 0, "character": 7}
    selected = {"range": {"start": start, "end": end}, "text": "naïve_sum"}
    number = client.ask(INLINE, {**at(uri, 0, 7), "context": {"triggerKind": 2, "selectedCompletionInfo": selected}})
    asked = desk.asked()
    assert asked.question.data == "x = naïve_sum()\n".encode()
    assert asked.question.place.offset == len("x = naïve_sum".encode())
    asked.answer("c_1", "s")
    item = client.reply(number)["result"]["items"][0]
    assert (item["insertText"], item["range"]) == ("naïve_sums", {"start": start, "end": end})


@pytest.mark.parametrize("selected", [7, [], {}, {"range": 1, "text": "x"}, {"range": {"start": {}, "end": {}}}])
def test_a_selection_that_makes_no_sense_is_refused(client: Client, selected: object) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "x")
    number = client.ask(INLINE, {**at(uri, 0, 1), "context": {"selectedCompletionInfo": selected}})
    assert error_of(client.reply(number)) == wire.INVALID_PARAMS


def test_a_menu_item_replaces_the_word_that_editors_filter_by(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "x = naïv")
    number = client.ask("textDocument/completion", at(uri, 0, 8))
    desk.asked().answer("c_1", "e_sum(a,\n      b)")
    result = client.reply(number)["result"]
    item = result["items"][0]
    assert result["isIncomplete"]
    assert item["textEdit"]["newText"] == "naïve_sum(a,\n      b)"
    assert item["textEdit"]["range"]["start"] == {"line": 0, "character": 4}
    assert (item["label"], item["filterText"]) == ("naïve_sum(a,", "naïve_sum(a,")


def test_nothing_to_offer_is_an_empty_list(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "x")
    for method in (INLINE, "textDocument/completion"):
        number = client.ask(method, at(uri, 0, 1))
        desk.asked().answer("c_1", "")
        assert client.reply(number)["result"]["items"] == []
    assert client.call(INLINE, at("file:///tmp/closed.py", 0, 0)) == {"items": []}


def test_the_newest_request_wins(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "x")
    older, newer = client.ask(INLINE, at(uri, 0, 0)), client.ask(INLINE, at(uri, 0, 1))
    assert error_of(client.reply(older)) == wire.CONTENT_MODIFIED
    first, second = desk.asked(), desk.asked()
    assert first.cancelled.is_set() and not second.cancelled.is_set()
    assert not first.answer("c_1", "late")
    second.answer("c_2", "new")
    assert client.reply(newer)["result"]["items"][0]["insertText"] == "new"


def test_an_edit_ends_what_was_asked_before_it(client: Client, desk: Desk) -> None:
    client.initialize()
    uri, other = client.open(Path("/tmp/a.py"), "x"), client.open(Path("/tmp/b.py"), "y")
    number = client.ask(INLINE, at(uri, 0, 1))
    client.change(other, {"text": "z"})
    asked = desk.asked()
    assert not asked.cancelled.is_set()
    client.change(uri, {"text": "xy"})
    assert error_of(client.reply(number)) == wire.CONTENT_MODIFIED
    assert asked.cancelled.is_set()


def test_a_cancelled_request_is_answered_at_once_and_once(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "x")
    number = client.ask(INLINE, at(uri, 0, 1), "a name")
    asked = desk.asked()
    client.send("$/cancelRequest", {"id": number})
    assert error_of(client.reply(number)) == wire.REQUEST_CANCELLED
    assert asked.cancelled.is_set()
    asked.refuse(wire.INTERNAL_ERROR, "again")
    client.send("$/cancelRequest", {"id": number})
    client.send("$/cancelRequest", {"id": 12345})
    client.leave()
    assert not [message for message in client.heard if "id" in message]


def test_other_buffers_go_with_a_question_where_the_disk_may_not_have_them(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "a")
    other, third = client.open(Path("/tmp/b.py"), "b"), client.open(Path("/tmp/c.py"), "c")
    client.change(other, {"text": "b2"})
    client.change(third, {"text": "c2"})
    client.send("textDocument/didSave", {"textDocument": {"uri": third}})
    client.ask(INLINE, at(uri, 0, 1))
    assert desk.asked().question.buffers == {Path("/tmp/b.py"): "b2"}


def test_commands_say_what_became_of_a_completion(client: Client, desk: Desk) -> None:
    client.initialize()
    sent = (("repocomp.accept", ["c_1"]), ("repocomp.acceptPart", ["c_1", "abc"]), ("repocomp.reject", ["c_2"]))
    for name, arguments in sent:
        client.ask("workspace/executeCommand", {"command": name, "arguments": arguments})
        word = desk.jobs.get(timeout=10)
        assert isinstance(word, Word)
        assert (word.command, word.completion, word.text) == (name, arguments[0], dict(enumerate(arguments)).get(1))
    for wrong in (
        {"command": "rm", "arguments": ["c"]},
        {"command": "repocomp.accept"},
        {"command": "repocomp.accept", "arguments": []},
        {"command": "repocomp.acceptPart", "arguments": ["c_1"]},
        {"command": "repocomp.accept", "arguments": [7]},
    ):
        assert error_of(client.reply(client.ask("workspace/executeCommand", wrong))) == wire.INVALID_PARAMS


def test_the_life_of_a_server(served: tuple[Client, list[int]], desk: Desk) -> None:
    client, codes = served
    assert error_of(client.reply(client.ask(INLINE, {}))) == wire.NOT_INITIALIZED
    client.send("textDocument/didOpen", {})
    client.initialize()
    assert error_of(client.reply(client.ask("initialize", {}))) == wire.INVALID_REQUEST
    uri = client.open(Path("/tmp/a.py"), "x")
    number = client.ask(INLINE, at(uri, 0, 1))
    desk.asked()
    assert client.call("shutdown") is None
    assert error_of(client.reply(number)) == wire.REQUEST_CANCELLED
    assert error_of(client.reply(client.ask(INLINE, at(uri, 0, 1)))) == wire.INVALID_REQUEST
    client.send("exit")
    client.hang_up()
    while not codes:
        pass
    assert codes == [0]


@pytest.mark.parametrize("last", ["exit", None])
def test_an_editor_that_leaves_without_a_word(served: tuple[Client, list[int]], last: str | None) -> None:
    client, codes = served
    client.initialize()
    if last is not None:
        client.send(last)
    client.hang_up()
    while not codes:
        pass
    assert codes == [1]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (framed(b"{nonsense"), wire.PARSE_ERROR),
        (framed(b"\xff\xfe"), wire.PARSE_ERROR),
        (framed(b"[" * 100_000), wire.PARSE_ERROR),
        (framed(b"[]"), wire.INVALID_REQUEST),
        (framed(b"{}"), wire.INVALID_REQUEST),
        (framed(b'{"id": {}, "method": "x"}'), wire.INVALID_REQUEST),
        (framed(b'{"id": 1.5, "method": "x"}'), wire.INVALID_REQUEST),
        (b"Content-Type: x\r\n\r\n", wire.PARSE_ERROR),
        (b"Content-Length: -1\r\n\r\n", wire.PARSE_ERROR),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", wire.PARSE_ERROR),
        (b"x" * 20_000 + b"\n\n", wire.PARSE_ERROR),
        (b"Content-Length: %d\r\n\r\n" % (wire.LIMIT_BYTES + 1) + b" " * (wire.LIMIT_BYTES + 1), wire.INVALID_REQUEST),
    ],
)
def test_what_is_no_message_is_answered_and_the_next_one_read(client: Client, data: bytes, code: int) -> None:
    client.write_bytes(data)
    assert error_of(client.reply(None)) == code
    assert client.initialize()["capabilities"]


WRONG = [
    None,
    7,
    -1,
    "x",
    [],
    {},
    [None],
    {"uri": 7},
    {"uri": "file:relative"},
    {"uri": "file:///a"},
    {"line": 0},
    1e99,
]


def test_parameters_that_make_no_sense_end_nothing(client: Client, desk: Desk) -> None:
    client.initialize(Path("/tmp"))
    rng = random.Random(17)
    requests = [INLINE, "textDocument/completion", "workspace/executeCommand", "textDocument/hover"]
    notices = ["didOpen", "didChange", "didSave", "didClose"]
    keys = ["textDocument", "position", "contentChanges", "changes", "event", "settings", "command", "arguments", "id"]
    for _ in range(2000):
        params: Any = rng.choice([{key: rng.choice(WRONG) for key in rng.sample(keys, 4)}, *WRONG[:6]])
        if rng.random() < 0.5:
            reply = client.reply(_ask(client, rng.choice(requests), params))
            assert "error" in reply or reply["result"]["items"] == []
        else:
            name = rng.choice(
                ["workspace/didChangeWatchedFiles", "workspace/didChangeConfiguration", "$/cancelRequest"]
            )
            client.write({"method": rng.choice([name, f"textDocument/{rng.choice(notices)}"]), "params": params})
    uri = client.open(Path("/tmp/a.py"), "x")
    number = client.ask(INLINE, at(uri, 0, 1))
    desk.asked().answer("c_1", "fine")
    assert client.reply(number)["result"]["items"][0]["insertText"] == "fine"


def _ask(client: Client, method: str, params: object) -> object:
    number = f"n{random.random()}"
    client.write_bytes(framed(json.dumps({"id": number, "method": method, "params": params}).encode()))
    return number


def test_a_document_that_nobody_knows_any_more_is_not_completed(client: Client, desk: Desk) -> None:
    client.initialize()
    uri = client.open(Path("/tmp/a.py"), "x")
    client.change(uri, {"text": "y"}, {"text": 7})
    assert "didChange" in client.hear("window/logMessage")["params"]["message"]
    assert client.call(INLINE, at(uri, 0, 0)) == {"items": []}
    client.open(Path("/tmp/a.py"), "x")
    client.ask(INLINE, at(uri, 0, 0))
    assert desk.asked().question.data == b"x"


def test_settings_come_from_the_editor_and_unknown_ones_are_told(client: Client, desk: Desk) -> None:
    client.initialize(options={"settings": {"mode": "line", "poem": 1}})
    assert "'poem'" in client.hear("window/showMessage")["params"]["message"]
    uri = client.open(Path("/tmp/a.py"), "x")
    client.ask(INLINE, at(uri, 0, 0))
    assert desk.asked().question.flags == {"mode": "line"}
    client.send("workspace/didChangeConfiguration", {"settings": {"repocomp": {"mode": "block"}}})
    client.ask(INLINE, at(uri, 0, 0))
    assert desk.asked().question.flags == {"mode": "block"}


def test_variables_that_set_nothing_are_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPOCOMP_MODEL", "x")
    client.initialize()
    assert "REPOCOMP_MODEL sets nothing" in client.hear("window/showMessage")["params"]["message"]


def test_a_document_without_a_file_is_named_in_the_workspace(client: Client, desk: Desk, tmp_path: Path) -> None:
    client.initialize(tmp_path)
    item = {"uri": "untitled:Untitled-1", "languageId": "python", "version": 1, "text": "x"}
    client.send("textDocument/didOpen", {"textDocument": item})
    client.ask(INLINE, at("untitled:Untitled-1", 0, 0))
    assert desk.asked().question.path == tmp_path / "Untitled-1"
