"""A server of the tests' own, on a real socket: it reads whole requests, keeps them, and does what it is told to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Behaviour = Callable[[socket.socket], bool | None]
"""Writes an answer; True where the connection stays open for another request."""


@dataclass
class Received:
    """One request."""

    line: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class StandIn:
    """A server on loopback. `behaviours` are for one request after the other, the last one for all that follow."""

    behaviours: Sequence[Behaviour]
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    hung_up: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (request := read(connection)) is not None:
                behaviour = self.behaviours[min(len(self.received), len(self.behaviours) - 1)]
                self.received.append(request)
                if not behaviour(connection):
                    break
        self.hung_up.set()

    def accept(self, listener: socket.socket, wrap: Callable[[socket.socket], socket.socket]) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                connection.settimeout(20)
                try:
                    wrapped = wrap(connection)
                except OSError:
                    connection.close()
                    continue
                threading.Thread(target=self.serve, args=(wrapped,), daemon=True).start()


@contextmanager
def serving(
    *behaviours: Behaviour, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> Iterator[StandIn]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = StandIn(behaviours, port=listener.getsockname()[1])
        threading.Thread(target=server.accept, args=(listener, wrap), daemon=True).start()
        yield server
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def read(connection: socket.socket) -> Received | None:
    """One whole request; None at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(1 << 16)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(1 << 16)
    return Received(line, headers, json.loads(body) if body else {})


def whole(status: str, kind: str, body: bytes, *more: str) -> Behaviour:
    """An answer at once."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more, "", ""]

    def behave(connection: socket.socket) -> bool:
        connection.sendall("\r\n".join(lines).encode() + body)
        return True

    return behave


def stream(*messages: str | dict[str, Any], kind: str = "text/event-stream", is_whole: bool = True) -> Behaviour:
    """An answer in chunks, one for each message; not `is_whole` where the server dies before its end."""

    def behave(connection: socket.socket) -> bool:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            lead, end = ("data: ", "\n\n") if kind == "text/event-stream" else ("", "\n")
            data = f"{lead}{text}{end}".encode()
            connection.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        if is_whole:
            connection.sendall(b"0\r\n\r\n")
        return is_whole

    return behave


def infill(*texts: str) -> Behaviour:
    """What llama.cpp's `/infill` streams for a text in pieces."""
    pieces = [{"content": text, "stop": False, "completion_probabilities": [{"logprob": -0.5}]} for text in texts]
    last = {"content": "", "stop": True, "stop_type": "eos", "tokens_evaluated": 40, "tokens_predicted": len(texts)}
    return stream(*pieces, {**last, "timings": {"cache_n": 30}})


def hang(*before: Behaviour) -> Behaviour:
    """Say nothing more, until the other end hangs up."""

    def behave(connection: socket.socket) -> None:
        for each in before:
            each(connection)
        while connection.recv(1 << 16):
            continue

    return behave


def trickle(connection: socket.socket) -> None:
    """A byte now and then, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while True:
        connection.sendall(b":")
        time.sleep(0.01)
