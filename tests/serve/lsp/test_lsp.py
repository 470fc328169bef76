"""The language server as an editor starts it, with the shipped pack: answers, indexes, feedback, and what it holds."""

from __future__ import annotations

import os
import random
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from repocomp.feedback.ledger import repository_path
from repocomp.service.question import Place, Question
from repocomp.service.service import CompletionService
from repocomp.store.feedback.connect import open_feedback
from repocomp.store.feedback.rows import events, impressions
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import index_path
from tests.conftest import Repository
from tests.serve.lsp.client import Client, at, language_server, until
from tests.serve.test_soak import settled, ticks, wait_for_chores

INLINE = "textDocument/inlineCompletion"
SOURCE = "def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    return"
END = (5, 10)
FILES = {"a.py": SOURCE, "lib/shapes.py": "def corner(alpha):\n    return alpha\n" * 5}
INLINE_EDITOR = {"textDocument": {"inlineCompletion": {}}, "window": {"workDoneProgress": True}}
WAIT_S = 30


def said(root: Path) -> list[tuple[bool, list[str]]]:
    """Whether each completion counts as shown at once, and the words said of it."""
    path = repository_path(root)
    if not path.exists():
        return []
    with closing(open_feedback(path)) as connection:
        rows = impressions(connection)
        words = events(connection, rows)
        return [(row.shown, [event.kind for event in words.get(row.id, ())]) for row in rows]


def item_of(client: Client, uri: str, line: int, character: int) -> dict[str, Any]:
    items: list[dict[str, Any]] = client.call(INLINE, at(uri, line, character))["items"]
    assert len(items) == 1
    return items[0]


def run(client: Client, command: str, *arguments: str) -> None:
    assert client.call("workspace/executeCommand", {"command": command, "arguments": list(arguments)}) is None


def texts(root: Path) -> dict[str, str]:
    reader = IndexReader.open(root)
    if reader is None:
        return {}
    with reader:
        return {row.path: reader.contents.text(row.content_id) for row in reader.files.all()}


def test_an_editor_gets_what_the_command_line_gives_and_says_what_became_of_it(repository: Repository) -> None:
    root = repository(FILES)
    with language_server(root) as (client, process):
        client.initialize(root, INLINE_EDITOR, {"settings": {"retrieve": "never"}})
        uri = client.open(root / "a.py", SOURCE)
        item = item_of(client, uri, *END)
        question = Question(root / "a.py", SOURCE.encode(), Place(6, 11), {"retrieve": "never"})
        service = CompletionService()
        alone = service.answer(service.prepare(question))
        assert (item["insertText"], item["command"]["arguments"]) == (alone.text, [alone.id])
        run(client, item["command"]["command"], *item["command"]["arguments"])
        assert said(root) == [(True, ["accepted"])]
        run(client, "repocomp.acceptPart", alone.id, " alp")
        run(client, "repocomp.reject", alone.id)
        assert said(root) == [(True, ["accepted", "partially_accepted", "rejected"])]
        client.leave()
        assert process.wait(WAIT_S) == 0


def test_an_editor_that_says_what_it_shows_is_taken_at_its_word(repository: Repository) -> None:
    root = repository(FILES)
    with language_server(root) as (client, _):
        client.initialize(root, INLINE_EDITOR, {"reportsShown": True})
        uri = client.open(root / "a.py", SOURCE)
        item = item_of(client, uri, *END)
        run(client, "repocomp.shown", *item["command"]["arguments"])
        assert said(root) == [(False, ["shown"])]


def test_the_first_index_is_shown_in_the_making_and_then_follows_every_save(repository: Repository) -> None:
    root = repository(FILES)
    with language_server(root) as (client, _):
        client.initialize(root, INLINE_EDITOR)
        assert client.hear("window/workDoneProgress/create")
        kinds = [client.hear("$/progress")["params"]["value"]["kind"]]
        while kinds[-1] != "end":
            kinds.append(client.hear("$/progress")["params"]["value"]["kind"])
        assert kinds[0] == "begin"
        assert texts(root).keys() == FILES.keys()
        for number in range(2):
            text = f"x = {number}\n"
            uri = client.open(root / "b.py", text)
            (root / "b.py").write_text(text)
            client.send("textDocument/didSave", {"textDocument": {"uri": uri}})
            until(partial(lambda said: texts(root).get("b.py") == said, text))
        (root / "b.py").unlink()
        client.send("workspace/didChangeWatchedFiles", {"changes": [{"uri": uri, "type": 3}]})
        until(lambda: "b.py" not in texts(root))


def test_a_second_folder_is_indexed_and_one_without_git_is_not(repository: Repository, tmp_path: Path) -> None:
    root = repository(FILES)
    plain = tmp_path / "plain"
    plain.mkdir()
    with language_server(root) as (client, _):
        client.initialize(plain, INLINE_EDITOR)
        added = [{"uri": root.as_uri(), "name": "work"}]
        client.send("workspace/didChangeWorkspaceFolders", {"event": {"added": added, "removed": []}})
        until(lambda: texts(root).keys() == FILES.keys())
        assert not index_path(plain).exists()


def test_a_chunk_of_an_unsaved_buffer_is_read_as_it_stands_there(repository: Repository) -> None:
    library = "def corner_of(first):\n    return first.corner\n"
    source = "from lib.shapes import corner_of\n\n\ndef use(first):\n    return corner_of(first).co"
    root = repository({"a.py": source, "lib/shapes.py": library})
    with language_server(root) as (client, _):
        client.initialize(root, INLINE_EDITOR, {"settings": {"retrieve": "always"}})
        uri, other = client.open(root / "a.py", source), client.open(root / "lib/shapes.py", library)
        until(lambda: len(texts(root)) == 2)
        found = [item_of(client, uri, 4, 30)["command"]["arguments"][0]]
        client.change(other, {"text": "# far\n" * 30 + library})
        found.append(item_of(client, uri, 4, 30)["command"]["arguments"][0])
        client.change(other, {"text": ""})
        client.call(INLINE, at(uri, 4, 30))
    with closing(open_feedback(repository_path(root))) as connection:
        rows = impressions(connection)
        chunks = [
            [(chunk["path"], chunk["start_line"]) for chunk in row.details()["retrieval"]["chunks"]] for row in rows
        ]
    assert chunks[:2] == [[("lib/shapes.py", 1)], [("lib/shapes.py", 31)]]
    assert not any(chunks[2:])


def test_a_name_that_is_too_long_is_told_and_no_bug(repository: Repository) -> None:
    root = repository(FILES)
    with language_server(root) as (client, _):
        client.initialize(root, INLINE_EDITOR)
        long = client.open(root / f"{'x' * 300}.py", SOURCE)
        assert client.call(INLINE, at(long, *END))["items"] == []
        message = client.hear("window/showMessage")["params"]["message"]
        assert "File name too long" in message and "bug" not in message
        assert item_of(client, client.open(root / "a.py", SOURCE), *END)


def test_cancelled_work_ends_within_a_run_of_the_model(repository: Repository) -> None:
    """The request behind it is answered though the one before it had thousands of tokens to go."""
    root = repository(FILES)
    with language_server(root) as (client, _):
        client.initialize(root, INLINE_EDITOR, {"settings": {"max_new_tokens": 5000, "mode": "block"}})
        uri = client.open(root / "a.py", SOURCE)
        item_of(client, uri, *END)
        for _ in range(20):
            number = client.ask(INLINE, at(uri, *END))
            client.send("$/cancelRequest", {"id": number})
            reply = client.reply(number)
            assert "result" in reply or reply["error"]["code"] == -32800
        assert item_of(client, uri, *END)


def test_nothing_but_the_protocol_is_imported_before_the_first_reply() -> None:
    """What waits for a model, or for numpy, would keep the editor waiting."""
    import subprocess
    import sys

    code = "import sys, repocomp.serve.lsp.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "onnxruntime", "tokenizers", "tree_sitter", "sqlite3", "click", "rich"}
    assert "repocomp.service.service" not in done.stdout.split()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells what a process holds there")
def test_two_hours_of_typing_leave_nothing_behind(repository: Repository) -> None:
    """A key every second, an answer to a third of them: 7,200 edits, run as fast as they are answered."""
    root = repository(FILES)
    edits = int(os.environ.get("LSP_EDITS", "7200"))
    rng = random.Random(2)
    with language_server(root) as (client, process):
        client.initialize(root, INLINE_EDITOR, {"settings": {"max_new_tokens": 8}})
        uri = client.open(root / "a.py", SOURCE)

        def type_on(count: int) -> None:
            for number in range(count):
                client.heard.clear()
                place = {"line": rng.randrange(6), "character": 0}
                keys = rng.choice(["x", "y = 1\n", ""])
                end = {**place, "character": rng.randrange(4)}
                client.change(uri, {"range": {"start": place, "end": end}, "text": keys})
                if number % 3 == 0:
                    request = client.ask(INLINE, at(uri, place["line"], rng.randrange(4)))
                    if number % 2:
                        client.reply(request)
                    else:
                        client.send("$/cancelRequest", {"id": request})
                        client.reply(request)
                if number % 100 == 0:
                    client.change(uri, {"text": SOURCE})
                    client.send("textDocument/didSave", {"textDocument": {"uri": uri}})

        def weighed() -> tuple[int, int]:
            """Behind a save that was indexed: SQLite keeps a file that was written open for the one that reads it."""
            client.call(INLINE, at(uri, 0, 0))
            name = f"saved_{rng.randrange(10**9)}"
            (root / "saved.py").write_text(f"def {name}(): ...\n")
            client.send("textDocument/didSave", {"textDocument": {"uri": (root / "saved.py").as_uri()}})
            until(lambda: name in texts(root).get("saved.py", ""))
            return settled(process.pid)

        type_on(edits // 3)
        before = weighed()
        type_on(2 * edits // 3)
        after = weighed()
        wait_for_chores()
        worked = ticks(process.pid)
        time.sleep(3)
        idle = ticks(process.pid) - worked
        assert len(said(root)) <= edits
    print(f"memory {before[0] / 1e6:.1f} -> {after[0] / 1e6:.1f} MB, files {before[1]} -> {after[1]}, idle {idle}")  # noqa: T201
    assert after[0] <= before[0] * 1.1
    assert after[1] <= before[1]
    assert idle <= 1
