"""The language server: one thread reads, keeps the documents and answers what needs no model; another one completes.

Every request is answered exactly once, and what the editor's wire brings, valid or not, ends nothing but itself.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from repocomp import __version__
from repocomp.serve.lsp import wire
from repocomp.serve.lsp.requests import Requests
from repocomp.serve.lsp.session import Session
from repocomp.serve.lsp.wire import Message, Wire, WireError

if TYPE_CHECKING:
    from repocomp.serve.lsp.worker import Job

_STOP_S = 10.0

Params = Mapping[str, Any]
Work = Callable[[Session, "queue.SimpleQueue[Job | None]"], None]


def work(session: Session, jobs: queue.SimpleQueue[Job | None]) -> None:
    """Complete until None comes; for a thread of its own, since the imports alone take a while."""
    from repocomp.serve.lsp.worker import Worker

    Worker(session.editor, session.folder).run(jobs)


class LanguageServer:
    """Serves one editor until that says `exit`, or is gone. `work` is what the other thread does."""

    def __init__(self, wire: Wire, work: Work = work) -> None:
        self._wire, self._work = wire, work
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._is_shut_down = False
        self._session: Session | None = None
        self._asked: dict[str, Callable[[object, Params], None]] = {}
        self._told: dict[str, Callable[[Params], None]] = {}

    def run(self) -> int:
        """Serve; returns the exit code: 0 where the editor took its leave as agreed, else 1."""
        try:
            while (message := self._read()).get("method") != "exit":
                self._hear(message)
        except EOFError:
            pass
        finally:
            self._end()
        return 0 if self._is_shut_down else 1

    def _read(self) -> Message:
        while True:
            try:
                return self._wire.read()
            except WireError as error:
                self._wire.refuse(None, error.code, str(error))

    def _hear(self, message: Message) -> None:
        """Do what a message asks for; answers to requests of ours change nothing."""
        method, request_id, params = message.get("method"), message.get("id"), message.get("params")
        is_request = "id" in message
        if not isinstance(method, str):
            if "result" not in message and "error" not in message:
                self._wire.refuse(None, wire.INVALID_REQUEST, "a message without a method")
        elif is_request and (not isinstance(request_id, int | str) or isinstance(request_id, bool)):
            self._wire.refuse(None, wire.INVALID_REQUEST, "an id is a number or a string")
        elif is_request:
            self._answer(method, request_id, params)
        elif method in self._told:
            self._tell(method, params)

    def _answer(self, method: str, request_id: object, params: object) -> None:
        try:
            self._dispatch(method, request_id, params if isinstance(params, dict) else {})
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            self._wire.refuse(request_id, wire.INVALID_PARAMS, f"{method}: {type(error).__name__}: {error}")
        except Exception as error:  # a bug in one message is not the next one's
            self._wire.refuse(request_id, wire.INTERNAL_ERROR, f"a bug: {type(error).__name__}: {error}")

    def _tell(self, method: str, params: object) -> None:
        """A notification: nobody can be told that it makes no sense but the log."""
        try:
            self._told[method](params if isinstance(params, dict) else {})
        except Exception as error:
            text = f"repocomp: {method}: {type(error).__name__}: {error}"
            self._wire.notify("window/logMessage", {"type": 1, "message": text})

    def _dispatch(self, method: str, request_id: object, params: Params) -> None:
        if self._is_shut_down:
            self._wire.refuse(request_id, wire.INVALID_REQUEST, "the server was shut down")
        elif method == "initialize" and self._session is None:
            self._initialize(request_id, params)
        elif method == "initialize":
            self._wire.refuse(request_id, wire.INVALID_REQUEST, "initialized already")
        elif self._session is None:
            self._wire.refuse(request_id, wire.NOT_INITIALIZED, "initialize comes first")
        elif method in self._asked:
            self._asked[method](request_id, params)
        else:
            self._wire.refuse(request_id, wire.METHOD_NOT_FOUND, f"there is no {method}")

    def _initialize(self, request_id: object, params: Params) -> None:
        session = Session(self._wire, params)
        requests = Requests(self._wire, session, self._jobs)
        about = {"name": "repocomp", "version": __version__}
        self._wire.reply(request_id, {"capabilities": session.capabilities(), "serverInfo": about})
        self._session = session
        self._asked = {
            "shutdown": lambda request_id, _: self._shut_down(requests, request_id),
            "textDocument/inlineCompletion": requests.inline,
            "textDocument/completion": requests.menu,
            "workspace/executeCommand": requests.command,
        }
        self._told = {
            "initialized": lambda _: session.begin(),
            "textDocument/didOpen": session.open,
            "textDocument/didChange": lambda params: _change(session, requests, params),
            "textDocument/didSave": session.save,
            "textDocument/didClose": session.documents.close,
            "workspace/didChangeWatchedFiles": session.watched,
            "workspace/didChangeWorkspaceFolders": session.folders_changed,
            "workspace/didChangeConfiguration": lambda params: session.configure(params.get("settings")),
            "$/cancelRequest": requests.cancel,
        }
        # Only now, with the reply sent: importing would have slowed it down.
        self._worker = threading.Thread(target=self._work, args=(session, self._jobs), name="work", daemon=True)
        self._worker.start()

    def _shut_down(self, requests: Requests, request_id: object) -> None:
        requests.end_all()
        self._is_shut_down = True
        self._wire.reply(request_id, None)

    def _end(self) -> None:
        """Let what was given be recorded, and what was said be written; an index in the making is left."""
        if self._session is not None:
            self._session.end()
        self._jobs.put(None)
        if self._worker is not None:
            self._worker.join(_STOP_S)


def _change(session: Session, requests: Requests, params: Params) -> None:
    requests.end_older(lambda asked: asked.uri == params["textDocument"]["uri"])
    session.documents.change(params)
