"""The HTTP door: editors and their plugins that speak to llama.cpp's server or to OpenAI's get answers of ours."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from repocomp.errors import CursorError, DocumentError, RepocompError
from repocomp.request import Completion
from repocomp.serve.call import Call
from repocomp.serve.door import Begun, Facts, Interim, Reply
from repocomp.serve.follow_up import FollowUp
from repocomp.serve.http.place import Finder
from repocomp.serve.http.protocols import Completions, Infill, Outcome, Shape, Wanted, models, stopped
from repocomp.serve.http.wire import (
    LIMIT_BYTES,
    Guard,
    HttpRequest,
    Refused,
    event,
    read_request,
    refused,
    response,
    stream_start,
)
from repocomp.service.question import Place, Question
from repocomp.service.service import CompletionService

_SHAPES: Mapping[str, Shape] = {
    "/infill": Infill(),
    "/v1/completions": Completions(),
    "/completions": Completions(),
}
_ANSWERS = {"/v1/models": models(), "/models": models(), "/health": {"status": "ok"}, "/v1/health": {"status": "ok"}}
_FILE_HEADER = "x-repocomp-file"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was understood."""

    shape: Shape
    body: dict[str, Any]
    wanted: Wanted


@dataclass(frozen=True)
class HttpDoor:
    """Answers by the `service`, in the thread that owns it; what follows an answer is left to `follow_up`."""

    listener: socket.socket
    guard: Guard
    service: CompletionService
    follow_up: FollowUp
    finder: Finder = field(default_factory=Finder)
    limit_bytes: int = LIMIT_BYTES

    def admits(self, connection: socket.socket) -> bool:
        """Let in anybody who reached the address: what is asked says whether they may."""
        return True

    def read(self, received: bytearray, fresh: int, facts: Facts) -> Interim | Reply | Begun | None:
        """What the request is, once it is whole."""
        try:
            request = read_request(received, self.guard)
            if request is None or isinstance(request, bytes):
                return None if request is None else Interim(request)
            return self._understood(request)
        except Refused as refusal:
            return Reply(refused(refusal))

    def refusal(self, reason: str) -> bytes:
        """Ask again later."""
        return refused(Refused(503, reason))

    def answer(self, call: Call) -> bool:
        """Answer a request for a completion."""
        asked: Asked = call.message
        stream = _Stream(call, asked)
        try:
            self._complete(call, asked, stream)
        except RepocompError as error:
            is_theirs = isinstance(error, CursorError | DocumentError)
            stream.fail(Refused(400 if is_theirs else 500, error.message))
        except OSError as error:
            is_theirs = error.errno == errno.ENAMETOOLONG
            stream.fail(Refused(400 if is_theirs else 500, error.strerror or "the system says no more"))
        except Exception as error:  # one request's bug is not the next one's
            self.service.reset()
            stream.fail(Refused(500, f"a bug: {type(error).__name__}"))
        self.service.trim()
        return True

    def _understood(self, request: HttpRequest) -> Reply | Begun:
        """Raises Refused."""
        if request.method in ("GET", "HEAD") and request.path in _ANSWERS:
            whole = response(_ANSWERS[request.path])
            return Reply(whole if request.method == "GET" else whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        shape = _SHAPES.get(request.path)
        if shape is None:
            raise Refused(405 if request.path in _ANSWERS else 404, "there is no such path")
        if request.method != "POST":
            raise Refused(405, "ask by POST")
        body = request.json()
        if path := request.headers.get(_FILE_HEADER):
            body["file"] = path
        asked = Asked(shape, body, shape.wanted(body))
        if asked.wanted.max_new_tokens == 0:
            # A server that keeps prompts is warmed up this way; here nothing is gained by it.
            return Reply(response(shape.whole(body, Outcome("", None))))
        return Begun(asked)

    def _complete(self, call: Call, asked: Asked, stream: _Stream) -> None:
        prepared = self.service.prepare(self._question(asked.wanted))
        emit = stream.add if asked.wanted.is_streamed else None
        completion = self.service.answer(
            prepared, emit, lambda: call.cancelled.is_set() or stream.is_stopped, call.waited_ms
        )
        if call.cancelled.is_set():
            return
        stream.finish(completion)
        # Whether somebody saw it the client does not tell: what became of it is read from the file.
        self.follow_up.remember(prepared, completion, shown=False)

    def _question(self, wanted: Wanted) -> Question:
        around = self.finder.find(wanted.left, wanted.right, wanted.path, wanted.names)
        left = around.left.encode("utf-8", "replace")
        data = left + around.right.encode("utf-8", "replace")
        flags = {"max_new_tokens": wanted.max_new_tokens}
        return Question(around.path, data, Place(offset=len(left)), flags, os.environ)


@dataclass(slots=True)
class _Stream:
    """An answer on its way to a client, all of it at once or as events."""

    call: Call
    asked: Asked
    sent: str = ""
    is_begun: bool = False
    is_stopped: bool = False

    def add(self, text: str) -> None:
        """Pass on more, up to what the client wants it to stop at."""
        whole, self.is_stopped = stopped(self.sent + text, self.asked.wanted.stops)
        fresh = whole[len(self.sent) :]
        if fresh:
            self._begin()
            self.call.write(event(self.asked.shape.piece(fresh)))
            self.sent = whole

    def finish(self, completion: Completion) -> None:
        """Send what is left, and why it ended."""
        shape, body = self.asked.shape, self.asked.body
        text, _ = stopped(completion.text, self.asked.wanted.stops)
        if not self.asked.wanted.is_streamed:
            self.call.write(response(shape.whole(body, Outcome(text, completion))), last=True)
            return
        if text.startswith(self.sent):
            self.add(text[len(self.sent) :])
        self._begin()
        ends = b"".join(event(each) for each in shape.last(body, Outcome(self.sent, completion)))
        self.call.write(ends, last=True)

    def fail(self, refusal: Refused) -> None:
        """Say that nothing more comes."""
        whole = event(refusal.content) if self.is_begun else refused(refusal)
        self.call.write(whole, last=True)

    def _begin(self) -> None:
        if not self.is_begun:
            self.is_begun = True
            self.call.write(stream_start())
