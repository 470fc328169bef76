"""An answer on its way: each stretch is passed on once, as soon as nothing can take it back (`trim.settled`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Stream:
    """`emit` is None where nobody reads along. `sent` counts the characters that are out, line ends as one.

    Unless it `may_begin`, nothing goes out before the answer is chosen. Where one that is not sure `may_be_withheld`,
    that holds for what can be judged.
    """

    emit: Callable[[str], None] | None
    newline: str
    may_begin: bool = True
    may_be_withheld: bool = False
    sent: int = 0

    def is_early(self, is_judged: bool) -> bool:
        """Whether text is wanted while it is written, by whether it will be judged."""
        return self.emit is not None and self.may_begin and not (self.may_be_withheld and is_judged)

    def pass_on(self, text: str) -> None:
        """Emit what `text` has beyond what is out, with the file's own line ends."""
        if self.emit is not None and len(text) > self.sent:
            self.emit(text[self.sent :].replace("\n", self.newline))
            self.sent = len(text)
