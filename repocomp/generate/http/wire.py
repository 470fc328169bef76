"""What the protocols of servers differ in: where a request goes, how it is put, and what a message of the answer says.

A wire is one small module with a class of its own and `load(address, access)`, which `generate.backends` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from repocomp.generate.http.address import Address
from repocomp.prompt.snippets import Snippet
from repocomp.prompt.window import Window

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one message adds to the answer: `text`, the log-probability (nats) of each of its tokens, and counts.

    `logprobs` is None where the server tells none. `end` is "end" where the model ended the answer, "length" where it
    came to its longest, None where more follows. Counts are None where the message does not tell them.
    """

    text: str
    logprobs: tuple[float, ...] | None = None
    end: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    generated_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a server is shown: the file around the cursor and the `files` beside it, in prompt order; no secrets."""

    window: Window
    files: tuple[Snippet, ...] = ()


class Wire(Protocol):
    """A protocol of servers."""

    @property
    def path(self) -> str:
        """Where requests go, below the address."""

    @property
    def heals(self) -> bool:
        """Whether the server can be made to begin with the open end of the window, which its prompt then leaves out."""

    def body(self, address: Address, reading: Reading, max_new_tokens: int, *, logprobs: bool) -> Message:
        """The request for an answer to `reading`, with the log-probability of each token or without."""

    def piece(self, message: Message) -> Piece:
        """What a message says. Raises KeyError, TypeError, ValueError, IndexError or AttributeError for no such one."""


def finite(values: object) -> tuple[float, ...] | None:
    """Log-probabilities as a server lists them; None where it lists none."""
    if not isinstance(values, list) or any(not isinstance(value, int | float) for value in values):
        return None
    return tuple(float(value) for value in values)


def text_of(value: object) -> str:
    """A text as a server sends it. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no text")
    return value
