"""The daemon's door: one JSON line in, lines out, for the thin client of the same user."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from repocomp.serve import protocol
from repocomp.serve.call import Call
from repocomp.serve.door import Begun, Facts, Interim, Message, Reply
from repocomp.serve.endpoint import is_own


@dataclass(frozen=True)
class LineDoor:
    """`token` is the secret that peers must show where sockets know no uid; `describe` adds to what `status` says.

    `handle` answers a call, and says whether to go on.
    """

    listener: socket.socket
    token: str | None
    handle: Callable[[Call], bool]
    describe: Callable[[], Message]

    @property
    def limit_bytes(self) -> int:
        """A buffer of that size is nothing to complete in."""
        return protocol.LIMIT_BYTES

    def admits(self, connection: socket.socket) -> bool:
        """Let in this user's own processes; where the system cannot tell, the token says so later."""
        return self.token is not None or is_own(connection)

    def read(self, received: bytearray, fresh: int, facts: Facts) -> Interim | Reply | Begun | None:
        """What the line says, once it is whole."""
        end = received.find(b"\n", len(received) - fresh)
        if end < 0:
            return None
        try:
            message = protocol.decode(bytes(received[:end]))
        except ValueError as error:
            return Reply(self.refusal(str(error)))
        if message.get("token") != self.token:
            return Reply(self.refusal("the token is wrong"))
        if message.get("op") == "status":
            own = {"pid": os.getpid(), "identity": protocol.IDENTITY}
            return Reply(protocol.encode({**own, **facts(), **self.describe()}))
        if message.get("op") == "stop":
            return Reply(protocol.encode({"stopping": os.getpid()}), leaves=True)
        if message.get("protocol") != protocol.VERSION:
            return Reply(self.refusal(f"this daemon speaks version {protocol.VERSION} of the protocol"))
        if message.get("identity", protocol.IDENTITY) != protocol.IDENTITY:
            # Whoever upgraded repocomp wants the new one to answer.
            return Reply(self.refusal("another version"), leaves=True, is_superseded=True)
        if message.get("op") != "complete":
            return Reply(self.refusal("unknown operation"))
        # The client then knows that somebody is there, however long its turn takes to come.
        return Begun(message, protocol.encode({"accepted": facts()["requests"] + 1}))

    def refusal(self, reason: str) -> bytes:
        """The client then does the work itself."""
        return protocol.encode({"declined": reason})

    def answer(self, call: Call) -> bool:
        """Let the daemon answer."""
        return self.handle(call)
