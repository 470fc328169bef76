"""JSON-RPC as the language server protocol frames it: a header with the length, then one message of JSON.

Whatever comes in, reading goes on behind it: what is no message is told apart by `WireError`, which is answered.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

Message = dict[str, Any]

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
NOT_INITIALIZED, REQUEST_CANCELLED, CONTENT_MODIFIED, REQUEST_FAILED = -32002, -32800, -32801, -32803
"""Error codes of the protocol."""

LIMIT_BYTES = 64_000_000
"""No message is longer: it would hold a document that nothing can be completed in."""
_LINE_BYTES = 8192
_SKIP_BYTES = 1 << 20
_LONGEST_NUMBER = 12


class WireError(Exception):
    """What came in is no message; `code` is the protocol's error for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Wire:
    """Both directions of one connection. One thread reads; any may send."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source, self._sink = source, sink
        self._lock = threading.Lock()
        self._requests = 0

    def read(self) -> Message:
        """The next message. Raises EOFError once the other end is gone, and WireError for what is no message."""
        length = self._length()
        if length > LIMIT_BYTES:
            self._skip(length)
            raise WireError(INVALID_REQUEST, f"a message has at most {LIMIT_BYTES} bytes")
        body = self._source.read(length)
        if len(body) < length:
            raise EOFError
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise WireError(PARSE_ERROR, f"not JSON: {type(error).__name__}") from None
        if not isinstance(message, dict):
            raise WireError(INVALID_REQUEST, "not a JSON object")
        return message

    def reply(self, request_id: object, result: object) -> None:
        """Answer a request."""
        self._send({"id": request_id, "result": result})

    def refuse(self, request_id: object, code: int, message: str) -> None:
        """Answer a request with an error."""
        self._send({"id": request_id, "error": {"code": code, "message": message}})

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Tell the client something."""
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Mapping[str, Any]) -> None:
        """Ask the client for something whose answer changes nothing here."""
        with self._lock:
            self._requests += 1
            number = self._requests
        self._send({"id": f"repocomp-{number}", "method": method, "params": params})

    def _send(self, message: Mapping[str, Any]) -> None:
        # ASCII: text that is no Unicode (half a surrogate pair) survives, and bytes are characters.
        body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode("ascii")
        # Nobody reads any more where this fails; the reading thread hears that by itself.
        with self._lock, suppress(OSError, ValueError):
            self._sink.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self._sink.flush()

    def _length(self) -> int:
        """The length in the next header; blank lines before it are passed over."""
        length, seen = None, False
        while True:
            line = self._source.readline(_LINE_BYTES)
            if not line:
                raise EOFError
            if not line.strip():
                if not seen:
                    continue
                if length is None:
                    raise WireError(PARSE_ERROR, "a header without Content-Length")
                return length
            seen = True
            name, _, value = line.partition(b":")
            digits = value.strip()
            if name.strip().lower() == b"content-length" and digits.isdigit() and len(digits) < _LONGEST_NUMBER:
                length = int(digits)

    def _skip(self, length: int) -> None:
        while length > 0:
            data = self._source.read(min(length, _SKIP_BYTES))
            if not data:
                raise EOFError
            length -= len(data)
