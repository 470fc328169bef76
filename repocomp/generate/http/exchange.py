"""One request to a server and the messages that come back, one after the other, whatever the server does.

A thread of its own talks to the server, so that names that do not resolve, handshakes that stall and bytes that trickle
hold up nobody: who waits stops waiting when the budget is spent, and closes the connection, which cancels the work at
the other end. A connection whose answer was read to its end is kept for the next request.
"""

from __future__ import annotations

import json
import queue
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from repocomp.budget import Budget, BudgetSpent
from repocomp.generate.http.address import Address
from repocomp.generate.http.faults import ServerFault, kind_of_error, kind_of_status

Message = dict[str, Any]

CONNECT_S, SILENCE_S, LONGEST_S = 3.0, 30.0, 120.0
"""How long a connection may take, how long the server may say nothing, and all of an answer."""
_POLL_S = 0.02
_MOST_LINE_BYTES, _MOST_BYTES, _ERROR_BYTES = 1 << 18, 1 << 22, 1 << 14


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is sent: to `path` at `address`, a `body` of JSON, and the `key` where there is one.

    `open_end` is what the answer is made to begin with.
    """

    address: Address
    path: str
    body: Message
    key: str | None = field(default=None, repr=False)
    open_end: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """All but what every request has, such as its length."""
        own = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        return own if self.key is None else {**own, "Authorization": f"Bearer {self.key}"}

    def to_json(self) -> dict[str, Any]:
        """For people: the key is hidden."""
        headers = {name: "Bearer (hidden)" if name == "Authorization" else text for name, text in self.headers.items()}
        return {"method": "POST", "url": self.address.url + self.path, "headers": headers, "body": self.body}


class Connections:
    """Reaches one server; the connection used last is kept while the server keeps it. For any thread."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: queue.SimpleQueue[HTTPConnection] = queue.SimpleQueue()
        self._context: ssl.SSLContext | None = None
        # Whoever lets go of a generator lets go of its connection. The queue outlives this object for that: where both
        # go in one cycle, a socket may be finalized before what would have closed it.
        weakref.finalize(self, _hang_up, self._idle)

    def take(self) -> HTTPConnection:
        """One that is open and has nothing to say, else one that opens when it is used."""
        with suppress(queue.Empty):
            while True:
                kept = self._idle.get_nowait()
                if not _is_stale(kept):
                    return kept
                kept.close()
        if not self.address.is_encrypted:
            return HTTPConnection(self.address.host, self.address.port, timeout=CONNECT_S)
        self._context = self._context or ssl.create_default_context()
        return HTTPSConnection(self.address.host, self.address.port, timeout=CONNECT_S, context=self._context)

    def give(self, connection: HTTPConnection) -> None:
        """Keep a connection that nobody waits on any more."""
        if self._idle.empty():
            self._idle.put(connection)
        else:
            connection.close()


def _hang_up(idle: queue.SimpleQueue[HTTPConnection]) -> None:
    with suppress(queue.Empty):
        while True:
            idle.get_nowait().close()


class Exchange:
    """A request under way."""

    def __init__(self, connections: Connections, request: HttpRequest) -> None:
        self._connections, self._request = connections, request
        self._connection = connections.take()
        # Of its own: a response that ends with its connection takes the socket over.
        self._socket: socket.socket | None = self._connection.sock
        self._is_closed = False
        self._arrived: queue.SimpleQueue[Message | Exception | None] = queue.SimpleQueue()
        threading.Thread(target=self._talk, name="server", daemon=True).start()

    def messages(self, budget: Budget) -> Iterator[Message]:
        """What the server says. Raises ServerFault, and BudgetSpent; whoever stops listening closes."""
        longest = time.monotonic() + LONGEST_S
        while True:
            try:
                arrived = self._arrived.get(timeout=_POLL_S)
            except queue.Empty:
                budget.check()
                if time.monotonic() > longest:
                    raise ServerFault(self._request.address.scheme, "silent") from None
                continue
            if arrived is None:
                return
            if isinstance(arrived, Exception):
                raise arrived
            yield arrived
            budget.check()

    def close(self) -> None:
        """Hang up. From any thread; where the server has said its last message there is no need to."""
        self._is_closed = True
        # The talking thread may be waiting for bytes, which closing alone does not end.
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _talk(self) -> None:
        """The talking thread: every message arrives, then None, or what went wrong."""
        scheme, connection = self._request.address.scheme, self._connection
        try:
            for message in self._said(connection):
                self._arrived.put(message)
            self._arrived.put(None)
        except (ServerFault, BudgetSpent) as error:
            self._arrived.put(error)
        except (OSError, HTTPException, ValueError) as error:
            self._arrived.put(ServerFault(scheme, kind_of_error(error)))
        except Exception as error:  # nobody else would see it, and somebody waits
            self._arrived.put(error)

    def _said(self, connection: HTTPConnection) -> Iterator[Message]:
        request = self._request
        is_whole = False
        try:
            if connection.sock is None:
                # A handshake that fails may leave its socket open.
                connection.connect()
            self._socket = connection.sock
            self._socket.settimeout(SILENCE_S)
            if self._is_closed:
                return
            body = json.dumps(request.body).encode()
            connection.request("POST", request.address.path + request.path, body, request.headers)
            with connection.getresponse() as response:
                yield from self._messages_of(response)
                is_whole = response.isclosed() or not response.read(1)
        finally:
            if is_whole and not self._is_closed and connection.sock is not None:
                self._connections.give(connection)
            else:
                connection.close()

    def _messages_of(self, response: HTTPResponse) -> Iterator[Message]:
        scheme = self._request.address.scheme
        if response.status != 200:
            raise ServerFault(scheme, kind_of_status(response.status, response.read(_ERROR_BYTES)))
        kind = (response.headers.get_content_type() or "").lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise ServerFault(scheme, "page")
        if kind == "application/json":
            data = response.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                raise ServerFault(scheme, "large")
            yield self._message(data)
            return
        yield from self._streamed(response)

    def _streamed(self, response: HTTPResponse) -> Iterator[Message]:
        """The messages of an event stream, or of lines of JSON."""
        left, longest = _MOST_BYTES, time.monotonic() + LONGEST_S
        while line := response.readline(_MOST_LINE_BYTES + 1):
            left -= len(line)
            if len(line) > _MOST_LINE_BYTES or left < 0:
                raise ServerFault(self._request.address.scheme, "large")
            if time.monotonic() > longest:
                raise ServerFault(self._request.address.scheme, "silent")
            line = line.strip()
            name, colon, value = line.partition(b":")
            if line.startswith(b"{"):
                yield self._message(line)
            elif name in (b"data", b"error") and colon and value.strip() != b"[DONE]":
                yield self._message(value)
            elif line and not (colon and name in (b"", b"event", b"id", b"retry", b"data")):
                raise ServerFault(self._request.address.scheme, "protocol")

    def _message(self, data: bytes) -> Message:
        """Raises ServerFault for what is no JSON object, or says that something went wrong."""
        scheme = self._request.address.scheme
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            raise ServerFault(scheme, "protocol") from None
        if not isinstance(message, dict):
            raise ServerFault(scheme, "protocol")
        if error := message.get("error"):
            status = error.get("code") if isinstance(error, dict) else None
            known = status if isinstance(status, int) and 400 <= status < 600 else 500
            raise ServerFault(scheme, kind_of_status(known, json.dumps(error).encode()))
        return message


def _is_stale(connection: HTTPConnection) -> bool:
    """Whether the other end has hung up: then there is something to read, where nothing was asked."""
    try:
        return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True
