r"""What is remembered of a completion and its place, so that both are found again without keeping the source.

A text is a list of tokens: words (`\w+`, whole) and single other visible characters, each known by a salted digest and
its length in characters; white space says nothing. The place is the visible lines above and below the cursor, by
digest, and what stood left and right of the cursor on its own line.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from hashlib import blake2b

_TOKEN = re.compile(r"\w+|[^\w\s]")
_AROUND = 24
"""Visible lines remembered on each side."""
READ_CHARS = 4_000
"""No further from the cursor than this is looked for them, nor further into a line: one may hold megabytes. A private
key is shorter, so one that the cursor stands in is seen."""

Token = tuple[int, int]
"""Digest and length in characters."""


@dataclass(frozen=True, slots=True)
class Marks:
    """A completion of `lines` lines as `tokens`, and its place; `above` and `below` are nearest first.

    `head` and `tail` are the stripped text beside the cursor, as digest and length.
    """

    tokens: tuple[Token, ...]
    lines: int
    head: Token
    tail: Token
    above: tuple[int, ...]
    below: tuple[int, ...]

    def to_json(self) -> str:
        """For one column."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Marks:
        """From that column."""
        raw = json.loads(text)
        return cls(
            tokens=tuple((digest, size) for digest, size in raw["tokens"]),
            lines=raw["lines"],
            head=(raw["head"][0], raw["head"][1]),
            tail=(raw["tail"][0], raw["tail"][1]),
            above=tuple(raw["above"]),
            below=tuple(raw["below"]),
        )

    @property
    def chars(self) -> int:
        """Visible characters of the completion."""
        return sum(size for _, size in self.tokens)


def visible_chars(text: str) -> int:
    """Characters that are not white space: what every share of text is counted in."""
    return sum(map(len, text.split()))


def mark(text: str, left: str, right: str, salt: bytes) -> Marks:
    """The marks of `text` written between `left` and `right`, of which `READ_CHARS` each are enough."""
    before, after = left.split("\n"), right.split("\n")
    head, tail = before[-1].lstrip(), after[0].rstrip()
    return Marks(
        tokens=tokens(text, salt),
        lines=text.count("\n") + 1,
        head=(digest(head, salt), len(head)),
        tail=(digest(tail, salt), len(tail)),
        above=_visible(before[-2::-1], salt),
        below=_visible(after[1:], salt),
    )


def tokens(text: str, salt: bytes) -> tuple[Token, ...]:
    """The tokens of `text`, in order."""
    return tuple((digest(word, salt), len(word)) for word in _TOKEN.findall(text))


def digest(text: str, salt: bytes) -> int:
    """Four bytes that stand for `text` in this database alone."""
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=4, key=salt).digest())


def line_digest(line: str, salt: bytes) -> int:
    """The digest of a line, its indentation and trailing space left out."""
    return digest(line.strip(), salt)


def _visible(lines: list[str], salt: bytes) -> tuple[int, ...]:
    return tuple(line_digest(line, salt) for line in [line for line in lines if line.strip()][:_AROUND])
