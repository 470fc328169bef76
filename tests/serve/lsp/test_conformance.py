"""The protocol at length: ten thousand edits, cancelled work, damaged messages. `-s` prints what was measured.

python -m pytest -m slow tests/serve/lsp/test_conformance.py -s
"""

from __future__ import annotations

import json
import queue
import random
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from repocomp.document import PositionEncoding
from repocomp.serve.lsp import wire
from repocomp.serve.lsp.asked import Asked
from repocomp.serve.lsp.items import COMMANDS
from repocomp.serve.lsp.session import Session
from tests.conftest import Repository
from tests.serve.daemon import ROOT
from tests.serve.lsp.client import Client, at, framed, language_server, server_in_thread, until
from tests.serve.lsp.test_lsp import texts
from tests.serve.lsp.test_text import Reference, edit

INLINE, COMMAND = "textDocument/inlineCompletion", "workspace/executeCommand"
INLINE_EDITOR: Any = {"textDocument": {"inlineCompletion": {}}}
EDITS, CANCELLED, DAMAGED = 10_000, 300, 5000
SOURCES = [path for path in sorted((ROOT / "repocomp").glob("[ci]*/*.py")) if path.stat().st_size > 5000]
pytestmark = pytest.mark.slow


def test_ten_thousand_edits_in_utf_16_leave_the_editors_document() -> None:
    """Sent one to three in a message, as they come; the document that a completion is asked for is the editor's."""
    rng = random.Random(1017)
    jobs: queue.SimpleQueue[Asked] = queue.SimpleQueue()

    def work(_: Session, given: queue.SimpleQueue[Any]) -> None:
        while (job := given.get()) is not None:
            jobs.put(job)

    start = "\ufeffdef f():\r\n    return '😀'\rx = 1\n"
    reference = Reference(start, PositionEncoding.UTF16)
    edits = longest = 0
    with server_in_thread(work) as (client, _):
        found = client.initialize(capabilities=INLINE_EDITOR)
        assert found["capabilities"]["positionEncoding"] == "utf-16"
        uri = client.open(Path("/tmp/a.py"), start)
        while edits < EDITS:
            changes = [edit(rng, reference) for _ in range(min(rng.choice([1, 1, 1, 2, 3]), EDITS - edits))]
            client.change(uri, *changes)
            offset = rng.randrange(len(reference.text) + 1)
            if reference.splits_line_end(offset):
                offset -= 1
            position = reference.position(offset)
            number = client.ask(INLINE, at(uri, position["line"], position["character"]))
            question = jobs.get(timeout=10).question
            assert question.data.decode() == reference.text, (edits, changes)
            assert question.place.offset == len(reference.text[:offset].encode()), (edits, position)
            client.send("$/cancelRequest", {"id": number})
            assert client.reply(number)["error"]["code"] == wire.REQUEST_CANCELLED
            edits += len(changes)
            longest = max(longest, len(reference.text))
    assert longest > 500


def test_cancelled_work_is_over_at_once(repository: Repository) -> None:
    """At places never seen, whose whole prompt is to be read, and while hundreds of tokens are written.

    Told is when the request is answered; free, when the thread of the model takes up what came behind the request.
    """
    rng = random.Random(50)
    root = repository({path.name: path.read_text() for path in SOURCES})
    told, free = [], []
    with language_server(root) as (client, _):
        client.initialize(root, INLINE_EDITOR, {"settings": {"max_new_tokens": 1000, "mode": "block"}})
        sources = {client.open(root / path.name, path.read_text()): path.read_text() for path in SOURCES}
        client.call(INLINE, at(next(iter(sources)), 1, 0))
        for _ in range(CANCELLED):
            uri = rng.choice(list(sources))
            number = client.ask(INLINE, at(uri, rng.randrange(sources[uri].count("\n")), 0))
            time.sleep(rng.uniform(0, 0.06))
            since = time.perf_counter()
            client.send("$/cancelRequest", {"id": number})
            behind = client.ask(COMMAND, {"command": next(iter(COMMANDS)), "arguments": ["c_0"]})
            reply = client.reply(number)
            is_cancelled = reply.get("error", {}).get("code") == wire.REQUEST_CANCELLED
            assert is_cancelled or reply["result"]["items"] is not None
            heard = time.perf_counter()
            client.reply(behind)
            if is_cancelled:
                told.append(1000 * (heard - since))
                free.append(1000 * (time.perf_counter() - since))
    for name, figures in ("told", told), ("free", free):
        worst = sorted(figures)[-len(figures) // 100]
        print(  # noqa: T201
            f"{len(figures)} cancelled, {name} after {statistics.median(figures):.2f} ms at the median,"
            f" p99 {worst:.1f}, at most {max(figures):.1f}; {sum(one > 50 for one in figures)} over 50 ms"
        )
    assert len(told) > CANCELLED / 2


def test_damaged_messages_are_answered_by_errors_and_end_nothing(repository: Repository) -> None:
    """Bytes flipped, lost, doubled and put in, anywhere in whole conversations with the real server."""
    rng = random.Random(32)
    root = repository({"a.py": "def f(alpha):\n    return alpha\n"})
    counts: Counter[str] = Counter()
    with language_server(root) as (client, process):
        client.initialize(root, INLINE_EDITOR, {"settings": {"max_new_tokens": 4}})
        uri = client.open(root / "a.py", "x = 1\n")
        for number in range(DAMAGED):
            body = damaged(rng, json.dumps(message(rng, uri, number)).encode())
            client.write_bytes(framed(body))
            counts[answered(client, body)] += 1
            if number % 50 == 0:
                uri = client.open(root / "a.py", f"x = {number}\n")
        uri = client.open(root / "a.py", "def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    return")
        (item,) = client.call(INLINE, at(uri, 5, 10))["items"]
        assert item["insertText"] == " alpha"
        (root / "a.py").write_text("def still_kept(): ...\n")
        client.send("textDocument/didSave", {"textDocument": {"uri": uri}})
        until(lambda: "still_kept" in texts(root)["a.py"])
        client.leave()
        assert process.wait(30) == 0
    print(dict(counts))  # noqa: T201
    assert counts["parse error"] > DAMAGED / 4 and counts["refused"] > 100 and counts["result"] > 100


def message(rng: random.Random, uri: str, number: int) -> dict[str, Any]:
    """What an editor might say."""
    document = {"uri": uri, "version": number}
    place = {"line": rng.randrange(3), "character": rng.randrange(9)}
    change = {"range": {"start": place, "end": {"line": 9, "character": 0}}, "text": "y = é\n"}
    method, params = rng.choice(
        [
            (INLINE, {"textDocument": document, "position": place, "context": {"triggerKind": 1}}),
            ("textDocument/completion", {"textDocument": document, "position": place}),
            ("textDocument/didChange", {"textDocument": document, "contentChanges": [change, {"text": "z"}]}),
            ("textDocument/didOpen", {"textDocument": {**document, "languageId": "python", "text": "a\r\nb"}}),
            ("textDocument/didSave", {"textDocument": document}),
            ("workspace/didChangeWatchedFiles", {"changes": [{"uri": uri, "type": 2}]}),
            ("workspace/didChangeConfiguration", {"settings": {"repocomp": {"max_new_tokens": 4}}}),
            ("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": []}}),
            (COMMAND, {"command": rng.choice([*COMMANDS, "x"]), "arguments": ["c_1", "text"]}),
            ("$/cancelRequest", {"id": number - 1}),
            ("initialize", {"capabilities": {}, "processId": None}),
            ("textDocument/hover", {"textDocument": document, "position": place}),
        ]
    )
    asks = {INLINE, "textDocument/completion", COMMAND, "initialize", "textDocument/hover"}
    return {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if method in asks else {})


def damaged(rng: random.Random, body: bytes) -> bytes:
    """`body` with one to three things done to it, and now and then with none."""
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        start = rng.randrange(len(body) + 1)
        end = min(len(body), start + rng.choice([0, 1, 2, 8, 60]))
        piece = body[start:end]
        new = rng.choice([b"", piece * 2, rng.randbytes(len(piece) + 1), b"null", b"[", b'"', b"-1", b"\\ud800", b"7"])
        body = body[:start] + new + body[end:]
    return body


def answered(client: Client, body: bytes) -> str:
    """Wait for what a message must be answered by, and for nothing where nothing is due."""
    try:
        said = json.loads(body)
    except ValueError:
        assert client.reply(None)["error"]["code"] == wire.PARSE_ERROR
        return "parse error"
    number = said.get("id") if isinstance(said, dict) else None
    is_number = isinstance(number, int | str) and not isinstance(number, bool)
    if not isinstance(said, dict):
        assert client.reply(None)["error"]["code"] == wire.INVALID_REQUEST
        return "no request"
    if not isinstance(said.get("method"), str):
        if "result" in said or "error" in said:
            return "nothing due"
        assert client.reply(None)["error"]["code"] == wire.INVALID_REQUEST
        return "no request"
    if "id" not in said:
        return "nothing due"
    if not is_number:
        assert client.reply(None)["error"]["code"] == wire.INVALID_REQUEST
        return "no request"
    return "result" if "result" in client.reply(number) else "refused"
