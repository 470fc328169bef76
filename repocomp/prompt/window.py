"""What of a file the model sees around the cursor, cut to token budgets.

The left cut stands at the first line after a multiple of `ANCHOR_BYTES`: typing at the cursor does not move it, so a
key/value cache of the prompt stays valid from one keystroke to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from repocomp.document import Document, Position, text_of

Encode = Callable[[str], list[int]]

OPENS_BLOCK = (":", "{", "=>")
"""How a line ends that a block follows."""
ANCHOR_BYTES = 512
"""The cut moves in steps of this size. At 3.3 bytes per token a step costs 150 tokens of prefill once, and leaves on
average 75 tokens of the left budget unused."""

_OPEN_END = re.compile(r"(?:(?<=\S) )?(?:[^\W\d]\w*|[^\w\s]+)\Z|(?<=\S)[^\S\n]+\Z")
"""A word or punctuation, with the single space before it, since tokens begin with that one; else white space."""
_WORD_OR_SPACE = re.compile(r" ?[^\W\d]\w*|[^\S\n]+")
_ANY_END = re.compile(r"[^\w\n]?[^\W\d]\w*\Z|(?<=\S)[^\S\n]+\Z|[ \t]\Z| ?[^\w\s]+\Z")
"""A word with the blank or the sign before it; white space, of an indentation the last blank; or punctuation."""
_LONGEST_END = 40
_UNSEEN_BYTES = 1 << 18
_BYTES_PER_TOKEN = 12
"""No text is encoded that could not fit: in code a token of an 8k vocabulary is rarely longer than this."""

Healing = Literal["any", "words", "deliberate"]
"""What before a cursor a model writes anew, lest it begin in the middle of a token. `any`: all that a longer token may
begin with. `words`: those and white space alone. `deliberate`: punctuation as well, but neither what opens a block nor
indentation, which is what its author wants it to be."""


@dataclass(frozen=True, slots=True)
class Window:
    r"""The visible part of a file: texts with `\n` line ends, their ids, and the lines (from 1) they span.

    `open_end` is the end of `left` that `left_ids` leave out: what a longer token could begin with is written anew,
    since the model and the n-gram cache know whole tokens (token healing).
    """

    path: str
    left: str
    right: str
    open_end: str
    left_ids: tuple[int, ...]
    right_ids: tuple[int, ...]
    first_line: int
    last_line: int


def cut(
    document: Document,
    cursor: Position,
    left_tokens: int,
    right_tokens: int,
    encode: Encode,
    healing: Healing = "deliberate",
) -> Window:
    """Cut the text around `cursor`; neither side is longer than its budget. `healing` says what is written anew."""
    start, left, left_ids = _cut_left(document.data, cursor.offset, left_tokens, encode)
    right, right_ids = _cut_right(document.data[cursor.offset :], right_tokens, encode)
    first = cursor.line - document.data.count(b"\n", start, cursor.offset)
    last = cursor.line + right.count("\n")
    open_end = _any_end(left) if healing == "any" else _open_end(left, right.partition("\n")[0])
    if healing == "words" and not _WORD_OR_SPACE.fullmatch(open_end):
        open_end = ""
    if open_end:
        left_ids = encode(left[: -len(open_end)])
    return Window(document.path, left, right, open_end, tuple(left_ids), tuple(right_ids), first, last)


def unseen(document: Document, cursor: Position, window: Window) -> tuple[str, str]:
    """The file's text before the first and after the last visible line, of a very long file the nearer part."""
    top = document.at(window.first_line, 1).offset
    last = min(window.last_line, document.line_count)
    end = document.at(last, 1).offset + len(document.line(last)) + 1
    above = document.data[_character_start(document.data, max(0, top - _UNSEEN_BYTES)) : top]
    return text_of(above), text_of(document.data[max(end, cursor.offset) :][:_UNSEEN_BYTES])


def _open_end(left: str, after: str) -> str:
    """The word, the punctuation or the white space that the cursor stands behind, unless it is as long as data.

    Indentation is what its author wants it to be, unless a block was just opened and it is no deeper. Behind what opens
    a block stands a body: asked to write the opening anew, the model leaves it at that.
    """
    above, _, line = left.rpartition("\n")
    if line.endswith(OPENS_BLOCK) and not after.strip():
        end = ""
    elif line.strip():
        match = _OPEN_END.search(line)
        end = match[0] if match is not None else ""
    else:
        opener = above[above.rfind("\n") + 1 :]
        is_shallow = len(line) <= len(opener) - len(opener.lstrip())
        end = "\n" + line if is_shallow and opener.rstrip().endswith(OPENS_BLOCK) else ""
    return end if len(end) <= _LONGEST_END else ""


def _any_end(left: str) -> str:
    """What the token that goes on behind the cursor may begin with, unless it is as long as data."""
    match = _ANY_END.search(left[left.rfind("\n") + 1 :])
    return match[0] if match is not None and len(match[0]) <= _LONGEST_END else ""


def _cut_left(data: bytes, cursor: int, budget: int, encode: Encode) -> tuple[int, str, list[int]]:
    reach = max(0, cursor - budget * _BYTES_PER_TOKEN)
    anchor = -(-reach // ANCHOR_BYTES) * ANCHOR_BYTES
    while True:
        # As many bytes as tokens always fit: the last resort, for text that no anchor cuts short enough.
        last_resort = anchor >= cursor > 0
        start = (
            _character_start(data, max(0, cursor - budget)) if last_resort else _line_start_after(data, anchor, cursor)
        )
        text = text_of(data[start:cursor])
        ids = encode(text)
        if len(ids) <= budget or last_resort:
            return start, text, ids
        # Skip the steps that cannot be enough: a token is at least one byte.
        anchor += max(1, (len(ids) - budget) // ANCHOR_BYTES) * ANCHOR_BYTES


def _line_start_after(data: bytes, anchor: int, cursor: int) -> int:
    if anchor == 0 or data[anchor - 1 : anchor] == b"\n":
        return anchor
    newline = data.find(b"\n", anchor, cursor)
    return newline + 1 if newline >= 0 else _character_start(data, anchor)


def _character_start(data: bytes, offset: int) -> int:
    while offset < len(data) and data[offset] & 0xC0 == 0x80:
        offset += 1
    return offset


def _cut_right(data: bytes, budget: int, encode: Encode) -> tuple[str, list[int]]:
    text = text_of(data[: budget * _BYTES_PER_TOKEN])
    ids = encode(text)
    while len(ids) > budget:
        keep = text.rfind("\n", 0, max(1, len(text) * budget // len(ids)))
        text = text[: keep + 1] if keep > 0 else text[: len(text) * budget // len(ids)]
        ids = encode(text)
    return text, ids
