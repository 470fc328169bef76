"""The loop behind every door: one thread for sockets, one for work, both asleep until somebody writes.

A connection is one request. As long as it is open somebody waits for it; when it closes the work is cancelled, whether
it has begun or not. Requests are answered in the order they came.
"""

from __future__ import annotations

import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from repocomp.serve import protocol
from repocomp.serve.call import Call, Message
from repocomp.serve.deferred import DeferredJobs
from repocomp.serve.door import Begun, Door, Interim, Peer, Reply

_LINE_S = 30.0
"""A connection that says nothing whole, or reads nothing, for so long is closed."""
_READ_BYTES = 1 << 20
_MOST_PEERS = 200
_DRAINED_BYTES = 1 << 20
_MOST_BUFFERED_BYTES = 2 * protocol.LIMIT_BYTES
"""Of all lines that are not whole yet together."""
_PAUSE_S = 0.5
"""How long nobody is accepted once the system has no descriptor left."""


class Server:
    """Serves until `stop`, or until it has been idle for `idle_s` seconds (None: for ever)."""

    def __init__(
        self,
        doors: Sequence[Door],
        idle_s: float | None,
        jobs: DeferredJobs,
    ) -> None:
        """Requests of all `doors` are answered in the working thread, where `jobs` are done too."""
        self._doors = {door.listener: door for door in doors}
        self._idle_s, self._jobs = idle_s, jobs
        self._peers: dict[Call | socket.socket, Peer] = {}
        self._work: queue.SimpleQueue[tuple[Door, Call] | None] = queue.SimpleQueue()
        self._posted: deque[tuple[Call, bytes, bool]] = deque()
        self._waker, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._leaving = False
        self._paused_until: float | None = None
        self._started = self._active = time.monotonic()
        self._requests = 0
        self.is_superseded = False
        """Whether it leaves because another repocomp asked for a daemon."""

    def run(self) -> None:
        """Serve; returns when the daemon should end, with every answer that was under way sent."""
        worker = threading.Thread(target=self._answer_all, name="work", daemon=True)
        worker.start()
        for each in (*self._doors, self._waker):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)
        try:
            while not self._is_done():
                for key, _ in self._selector.select(self._patience()):
                    self._step(key.fileobj)
                self._drop_stalled()
                self._accept_again()
        finally:
            self._work.put(None)
            for peer in list(self._peers.values()):
                self._close(peer)
            worker.join(_LINE_S)
            self._selector.close()
            self._waker.close()
            self._wake.close()

    def stop(self) -> None:
        """Take no more requests, finish the ones there are, and end. From any thread."""
        self._leaving = True
        self._wake_up()

    def _is_done(self) -> bool:
        busy = any(peer.call is not None for peer in self._peers.values())
        if self._leaving:
            return not busy and not self._posted
        idle = self._idle_s is not None and time.monotonic() - self._active >= self._idle_s
        return idle and not self._peers

    def _patience(self) -> float | None:
        """Seconds until something is due though nobody writes: a stalled peer, or the end of idleness."""
        now = time.monotonic()
        due = [peer.since + _LINE_S - now for peer in self._peers.values() if peer.stalls]
        if self._idle_s is not None and not self._peers:
            due.append(self._active + self._idle_s - now)
        if self._paused_until is not None:
            due.append(self._paused_until - now)
        return max(0.0, min(due)) if due else None

    def _step(self, ready: Any) -> None:  # noqa: ANN401  (what the selector was given)
        if (door := self._doors.get(ready)) is not None:
            self._accept(door)
        elif ready is self._waker:
            with suppress(BlockingIOError):
                self._waker.recv(4096)
            self._send_posted()
        elif (peer := self._peers.get(ready)) is not None:
            self._read(peer)
            self._flush(peer)

    def _accept(self, door: Door) -> None:
        try:
            connection, _ = door.listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # Out of descriptors: the listener stays readable, and asking it again at once would spin.
            for listener in self._doors:
                self._selector.unregister(listener)
            self._paused_until = time.monotonic() + _PAUSE_S
            return
        connection.setblocking(False)
        if len(self._peers) >= _MOST_PEERS or not door.admits(connection):
            connection.close()
            return
        self._peers[connection] = Peer(connection, door, time.monotonic())
        self._selector.register(connection, selectors.EVENT_READ)

    def _accept_again(self) -> None:
        if self._paused_until is not None and time.monotonic() >= self._paused_until:
            self._paused_until = None
            for listener in self._doors:
                self._selector.register(listener, selectors.EVENT_READ)

    def _read(self, peer: Peer) -> None:
        try:
            data = peer.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(peer)
            return
        if peer.call is not None or peer.ends:
            return
        peer.received += data
        self._understand(peer, len(data))

    def _understand(self, peer: Peer, fresh: int) -> None:
        outcome = peer.door.read(peer.received, fresh, self._facts)
        if isinstance(outcome, Begun | Reply):
            peer.received.clear()
        if isinstance(outcome, Interim):
            peer.unsent += outcome.data
        elif isinstance(outcome, Begun) and not self._leaving:
            self._begin(peer, outcome)
        elif isinstance(outcome, Begun):
            self._reply(peer, peer.door.refusal("leaving"))
        elif isinstance(outcome, Reply):
            self._leaving = self._leaving or outcome.leaves
            self.is_superseded = self.is_superseded or outcome.is_superseded
            self._reply(peer, outcome.data)
        elif len(peer.received) > peer.door.limit_bytes:
            self._reply(peer, peer.door.refusal("the line is too long"))
        elif sum(len(other.received) for other in self._peers.values()) > _MOST_BUFFERED_BYTES:
            self._reply(peer, peer.door.refusal("too many lines are not whole yet"))

    def _begin(self, peer: Peer, begun: Begun) -> None:
        self._requests += 1
        peer.call = Call(begun.message, time.monotonic(), self._post)
        self._peers[peer.call] = peer
        peer.unsent += begun.data
        self._work.put((peer.door, peer.call))

    def _facts(self) -> Message:
        now = time.monotonic()
        return {
            "uptime_s": round(now - self._started, 1),
            "idle_s": round(now - self._active, 1),
            "idle_exit_s": self._idle_s,
            "requests": self._requests,
            "waiting": sum(1 for key in self._peers if isinstance(key, Call)),
        }

    def _reply(self, peer: Peer, data: bytes) -> None:
        peer.unsent += data
        peer.ends, peer.since = True, time.monotonic()
        self._flush(peer)

    def _flush(self, peer: Peer) -> None:
        """Send what the other end takes, and close behind the last of it."""
        if peer.socket not in self._peers:
            return
        try:
            while peer.unsent:
                del peer.unsent[: peer.socket.send(peer.unsent)]
        except BlockingIOError:
            self._selector.modify(peer.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            return
        except OSError:
            self._close(peer)
            return
        self._selector.modify(peer.socket, selectors.EVENT_READ)
        if peer.ends:
            self._close(peer)

    def _close(self, peer: Peer) -> None:
        if peer.call is not None:
            peer.call.cancelled.set()
            self._peers.pop(peer.call, None)
            peer.call = None
        if self._peers.pop(peer.socket, None) is not None:
            self._selector.unregister(peer.socket)
            # What was sent in vain would have the system take back the reply, where it is still on its way.
            with suppress(OSError):
                peer.socket.recv(_DRAINED_BYTES)
            peer.socket.close()
        self._active = time.monotonic()

    def _drop_stalled(self) -> None:
        now = time.monotonic()
        for peer in [peer for peer in self._peers.values() if peer.stalls and now - peer.since >= _LINE_S]:
            self._close(peer)

    def _send_posted(self) -> None:
        while self._posted:
            call, data, last = self._posted.popleft()
            peer = self._peers.get(call)
            if peer is None:
                continue
            peer.unsent += data
            if last:
                peer.ends, peer.since, peer.call = True, time.monotonic(), None
                del self._peers[call]
            self._flush(peer)

    def _post(self, call: Call, data: bytes, last: bool) -> None:
        self._posted.append((call, data, last))
        self._wake_up()

    def _wake_up(self) -> None:
        with suppress(OSError):
            self._wake.send(b"\0")

    def _answer_all(self) -> None:
        """The working thread. What a door does not catch ends the daemon: clients then do the work themselves."""
        try:
            while (work := self._jobs.next_of(self._work)) is not None:
                door, call = work
                if not call.cancelled.is_set() and not door.answer(call):
                    self.stop()
        except BaseException:
            self._leaving = True
            for peer in list(self._peers.values()):
                if peer.call is not None:
                    self._post(peer.call, peer.door.refusal("a bug"), True)
            self._wake_up()
            raise
