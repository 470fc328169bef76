"""Requests and responses of HTTP as bytes: who may ask, what is asked, and how it is answered. No more than is needed.

Each connection is one request. A page in a browser must not ask: it could read the code that it is answered. It cannot
leave out its `Origin`, nor choose the `Host` that it was told, nor send JSON elsewhere without asking first.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LIMIT_BYTES = 8_000_000
"""Of a whole request: sixty-four chunks and a large file are a tenth of it."""
_HEAD_BYTES = 64_000
_ONCE = frozenset(("host", "origin", "authorization", "content-length", "content-type", "transfer-encoding"))
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Refused(Exception):
    """A request that gets no answer but `status` and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    @property
    def content(self) -> dict[str, Any]:
        """As OpenAI's and llama.cpp's clients read it."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"code": self.status, "message": self.message, "type": kind}}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A whole request; names of `headers` in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body. Raises Refused where it is no JSON object."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refused(400, "the body is no JSON") from None
        if not isinstance(content, dict):
            raise Refused(400, "the body is no JSON object")
        return content


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may ask: whoever shows the `token`, or, without one, whoever is on this machine."""

    token: str | None

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """Raise Refused for what a web page might have sent, and for whoever lacks the token."""
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            raise Refused(403, "web pages get no answer")
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.token is None and name.lower() not in _LOOPBACK:
            raise Refused(403, "that is no name of this machine")
        given = headers.get("authorization", "").removeprefix("Bearer ").encode("utf-8", "replace")
        if self.token is not None and not hmac.compare_digest(given, self.token.encode()):
            raise Refused(401, "the token is missing or wrong: send it as 'Authorization: Bearer TOKEN'")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and kind != "application/json":
            raise Refused(415, "send application/json")


def read_request(received: bytearray, guard: Guard) -> HttpRequest | bytes | None:
    """The request, once it is whole; bytes to send before it goes on; None where more must come. Raises Refused."""
    end = received.find(b"\r\n\r\n", 0, _HEAD_BYTES)
    if end < 0:
        if len(received) >= _HEAD_BYTES:
            raise Refused(431, "the head of the request is too long")
        return None
    method, path, headers = _head(bytes(received[:end]))
    guard.check(method, headers)
    if "transfer-encoding" in headers:
        raise Refused(411, "say how long the body is")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or len(length) > 9:
        raise Refused(400, "the length of the body is no number")
    if int(length) + end > LIMIT_BYTES:
        raise Refused(413, f"a request has at most {LIMIT_BYTES:,} bytes")
    body = end + 4
    if len(received) >= body + int(length):
        return HttpRequest(method, path, headers, bytes(received[body : body + int(length)]))
    if headers.get("expect", "").lower() == "100-continue" and len(received) == body:
        return CONTINUE
    return None


def _head(head: bytes) -> tuple[str, str, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(400, "that is no request of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip() or (name in headers and name in _ONCE):
            raise Refused(400, "the head of the request is not understood")
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return words[0], words[1].partition("?")[0], headers


def response(content: object, status: int = 200) -> bytes:
    """A whole answer, after which the connection closes."""
    body = json.dumps(content).encode()
    return _start(status, "application/json", f"Content-Length: {len(body)}\r\n") + body


def refused(refusal: Refused) -> bytes:
    """The answer that there is none."""
    return response(refusal.content, refusal.status)


def stream_start() -> bytes:
    """The head of an answer that comes in events, which ends with the connection."""
    return _start(200, "text/event-stream", "Cache-Control: no-cache\r\n")


def event(content: object) -> bytes:
    """One event; text is sent as it is."""
    return f"data: {content if isinstance(content, str) else json.dumps(content)}\n\n".encode()


def _start(status: int, kind: str, more: str) -> bytes:
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n{more}"
    return f"{head}X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n".encode("latin-1")
