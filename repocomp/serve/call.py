"""A request that is under way, and the way back to whoever waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from repocomp.serve import protocol

Message = dict[str, Any]


@dataclass(eq=False)
class Call:
    """A request, and the way back. Made by the socket thread, answered by the working one."""

    message: Any
    received: float
    _post: Callable[[Call, bytes, bool], None]
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def waited_ms(self) -> float:
        """Milliseconds since the request came in."""
        return 1000 * (time.monotonic() - self.received)

    def send(self, reply: Mapping[str, Any], *, last: bool = False) -> None:
        """Send one line; after the `last` one the connection closes."""
        self.write(protocol.encode(dict(reply)), last=last)

    def write(self, data: bytes, *, last: bool = False) -> None:
        """Send bytes; after the `last` ones the connection closes."""
        self._post(self, data, last)

    def decline(self, reason: str) -> None:
        """Say that the client should do this one itself."""
        self.send({"declined": reason}, last=True)
