"""A scripted editor: a language server in a process of its own or in a thread, and what goes over its wire."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from repocomp.serve.lsp.server import LanguageServer, Work
from repocomp.serve.lsp.wire import Wire
from tests.serve.daemon import ROOT

Message = dict[str, Any]
NOTHING: Mapping[str, Any] = MappingProxyType({})
WAIT_S = 60.0
_MOST_S = 30.0


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread or process does."""
    end = time.monotonic() + _MOST_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Client:
    """Sends what it is told to and keeps what comes back: replies by number, the rest in order."""

    def __init__(self, sink: IO[bytes], source: IO[bytes]) -> None:
        self._sink = sink
        self._number = 0
        self._replies: dict[object, Message] = {}
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.heard: list[Message] = []
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def send(self, method: str, params: object = NOTHING) -> None:
        self.write({"jsonrpc": "2.0", "method": method, "params": _plain(params)})

    def ask(self, method: str, params: object = NOTHING, number: object = None) -> object:
        """Send a request; its number."""
        self._number += 1
        number = self._number if number is None else number
        self.write({"jsonrpc": "2.0", "id": number, "method": method, "params": _plain(params)})
        return number

    def call(self, method: str, params: object = NOTHING) -> Any:
        """The result of a request."""
        reply = self.reply(self.ask(method, params))
        assert "result" in reply, reply
        return reply["result"]

    def reply(self, number: object) -> Message:
        while number not in self._replies:
            self._take()
        return self._replies.pop(number)

    def hear(self, method: str) -> Message:
        """The next notification or request of that name."""
        while True:
            for at, message in enumerate(self.heard):
                if message["method"] == method:
                    del self.heard[at]
                    return message
            self._take()

    def write(self, message: object) -> None:
        self.write_bytes(framed(json.dumps(message).encode()))

    def write_bytes(self, data: bytes) -> None:
        self._sink.write(data)
        self._sink.flush()

    def hang_up(self) -> None:
        with suppress(OSError):
            self._sink.close()

    def initialize(self, root: Path | None = None, capabilities: object = NOTHING, options: object = NOTHING) -> Any:
        folders = None if root is None else [{"uri": root.as_uri(), "name": root.name}]
        found = self.call(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "workspaceFolders": folders,
                "capabilities": _plain(capabilities),
                "initializationOptions": _plain(options),
            },
        )
        self.send("initialized")
        return found

    def open(self, path: Path, text: str) -> str:
        uri = path.as_uri()
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": item})
        return uri

    def change(self, uri: str, *changes: Message) -> None:
        document = {"uri": uri, "version": 2}
        self.send("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def leave(self) -> None:
        self.call("shutdown")
        self.send("exit")

    def _take(self) -> None:
        message = self._inbox.get(timeout=WAIT_S)
        assert message is not None, "the server is gone"
        if "method" in message:
            self.heard.append(message)
        else:
            self._replies[message["id"]] = message

    def _listen(self, source: IO[bytes]) -> None:
        wire = Wire(source, source)
        with suppress(EOFError, ValueError):
            while True:
                self._inbox.put(wire.read())
        self._inbox.put(None)


def at(uri: str, line: int, character: int) -> Message:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


@contextmanager
def language_server(
    cwd: Path, *options: str, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """`repocomp lsp` as an editor starts it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "repocomp", "lsp", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=cwd, env=environment) as process:
        assert process.stdin is not None and process.stdout is not None
        client = Client(process.stdin, process.stdout)
        try:
            yield client, process
        finally:
            client.hang_up()
            process.wait(WAIT_S)


@contextmanager
def server_in_thread(work: Work) -> Iterator[tuple[Client, list[int]]]:
    """A server with another worker, and the exit codes it came to."""
    (to_server, from_client), (to_client, from_server) = os.pipe(), os.pipe()
    codes: list[int] = []
    with open(to_server, "rb") as source, open(from_server, "wb") as sink, open(to_client, "rb") as heard:
        server = LanguageServer(Wire(source, sink), work)
        thread = threading.Thread(target=lambda: codes.append(server.run()))
        thread.start()
        client = Client(open(from_client, "wb"), heard)  # noqa: SIM115
        try:
            yield client, codes
        finally:
            client.hang_up()
            thread.join(WAIT_S)
            sink.close()


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value
