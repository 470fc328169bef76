"""What a door knows of its wire, so that one loop serves them all: who may come in, what bytes mean, what to answer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from repocomp.serve.call import Call

Message = dict[str, Any]
Facts = Callable[[], Message]
"""What the loop tells of itself."""


@dataclass(frozen=True, slots=True)
class Interim:
    """Bytes to send before the request goes on."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The last bytes of a connection. The server should end if it `leaves`, for another one if `is_superseded`."""

    data: bytes
    leaves: bool = False
    is_superseded: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """A request for the working thread, and the bytes that say at once that it was heard."""

    message: Any
    data: bytes = b""


class Door(Protocol):
    """A way in."""

    @property
    def listener(self) -> socket.socket:
        """Where peers come from."""

    @property
    def limit_bytes(self) -> int:
        """No request is longer."""

    def admits(self, connection: socket.socket) -> bool:
        """Whether the other end may ask at all."""

    def read(self, received: bytearray, fresh: int, facts: Facts) -> Interim | Reply | Begun | None:
        """What the bytes so far amount to, in the socket thread; None where more must come.

        The last `fresh` of them are new.
        """

    def refusal(self, reason: str) -> bytes:
        """How a peer is told that there will be no answer."""

    def answer(self, call: Call) -> bool:
        """Answer a request of this door, in the working thread; False once the server should end."""


@dataclass(eq=False)
class Peer:
    """A connection: what it sent so far, its call once that is a line, what it has yet to read."""

    socket: socket.socket
    door: Door
    since: float
    received: bytearray = field(default_factory=bytearray)
    call: Call | None = None
    unsent: bytearray = field(default_factory=bytearray)
    ends: bool = False

    @property
    def stalls(self) -> bool:
        """Whether it is the other end's turn."""
        return self.call is None or self.ends
