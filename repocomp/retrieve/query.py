"""What retrieval is asked: the text around a cursor, and what of it the prompt already shows."""

from __future__ import annotations

from dataclasses import dataclass

LOOK_BACK_CHARS = 8_000
"""No arm reads further than this from the cursor, so that one line of megabytes costs no more than any other."""


@dataclass(frozen=True, slots=True)
class Query:
    """A cursor in the file `path`: `prefix` and `suffix` as the prompt shows them.

    `visible` is the range of lines (from 1, inclusive) of that file that the prompt holds: nothing new stands there.
    `above` and `below` are the rest of the file as it is being written, which may differ from what was indexed.
    """

    path: str
    language: str
    prefix: str
    suffix: str
    visible: tuple[int, int]
    above: str = ""
    below: str = ""

    def last_lines(self, number: int) -> str:
        """The last `number` lines before the cursor, the cursor's own included."""
        return "\n".join(self.prefix[-LOOK_BACK_CHARS:].split("\n")[-number:])

    def next_lines(self, number: int) -> str:
        """The first `number` lines after the cursor, the rest of its own included."""
        return "\n".join(self.suffix[:LOOK_BACK_CHARS].split("\n")[:number])
