"""An answer on its way: each stretch is passed on once, as soon as nothing can take it back (`trim.settled`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Stream:
    """`emit` is None where nobody reads along. `sent` counts the characters that are out, line ends as one."""

    emit: Callable[[str], None] | None
    newline: str
    sent: int = 0

    def pass_on(self, text: str) -> None:
        """Emit what `text` has beyond what is out, with the file's own line ends."""
        if self.emit is not None and len(text) > self.sent:
            self.emit(text[self.sent :].replace("\n", self.newline))
            self.sent = len(text)
