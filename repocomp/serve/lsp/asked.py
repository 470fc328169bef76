"""A request for a completion that is under way: answered exactly once, by whoever comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from repocomp.serve.lsp.wire import Wire

if TYPE_CHECKING:
    from repocomp.service.question import Question


@dataclass(eq=False)
class Asked:
    """Made by the reading thread, worked on by the other one. `spell` makes the result of a name and a text.

    Of two requests of one `kind` only the newer matters. `is_seen`: whoever shows the answer says nothing of it, so it
    counts as shown once it is given.
    """

    id: object
    kind: str
    uri: str
    question: Question
    spell: Callable[[str, str], Mapping[str, Any]]
    is_seen: bool
    wire: Wire
    forget: Callable[[Asked], None]
    received: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def waited_ms(self) -> float:
        """Milliseconds since the request came in."""
        return 1000 * (time.monotonic() - self.received)

    def answer(self, identity: str, text: str) -> bool:
        """Send the result; False where the request was answered before."""
        if not self._turn.acquire(blocking=False):
            return False
        self.forget(self)
        self.wire.reply(self.id, self.spell(identity, text))
        return True

    def refuse(self, code: int, message: str) -> None:
        """End the work on it and send an error, unless it was answered before."""
        self.cancelled.set()
        if self._turn.acquire(blocking=False):
            self.forget(self)
            self.wire.refuse(self.id, code, message)


@dataclass(frozen=True, slots=True)
class Word:
    """A command that says what became of a completion; `id` is that of the request."""

    id: object
    command: str
    completion: str
    text: str | None
    wire: Wire
