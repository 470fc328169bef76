"""What the n-gram cache may copy from, and what of an answer may not be copied once more.

A table costs no attention, so it reads what the model cannot: more of the file than the prompt has room for, and every
retrieved chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from itertools import chain

import numpy as np

from repocomp.document import Document, Position
from repocomp.generate.local.ngram_cache import WALL, NgramCache
from repocomp.prompt.window import Context
from repocomp.retrieve.hit import Hit

REACH_BYTES = 16_000
"""Bytes of the file read on each side of the cursor: about 4,000 tokens, 5 ms to encode."""
_CIRCLE_TOKENS = 4
"""Shorter stretches come three times in a row in good code: rows of zeros, closing brackets."""


def ngram_cache(
    document: Document,
    cursor: Position,
    context: Context,
    hits: Sequence[Hit],
    encode: Callable[[str], list[int]],
    vote: Callable[[int], float],
) -> NgramCache:
    """The `hits`, the best last, the text after the cursor, then that before it, ending with the prompt's own tokens.

    `vote` says how much places in the hit of a rank (from 1) count, beside 1 for those of the file.
    """
    top = document.at(context.first_line, 1).offset
    before = document.data[max(0, top - REACH_BYTES) : top]
    after = document.data[cursor.offset : cursor.offset + REACH_BYTES]
    parts = [[*encode(hit.text), WALL] for hit in reversed(hits)]
    parts.append([*encode(_text(after)), WALL, *encode(_text(before)), *context.left_ids])
    votes = [*(vote(rank) for rank in range(len(hits), 0, -1)), 1.0]
    return NgramCache(list(chain(*parts)), np.repeat(votes, [len(part) for part in parts]))


def said_twice(ids: Sequence[int], line_breaks: Container[int]) -> list[int]:
    """The tokens that would begin to say a third time what `ids` end with twice, inside a line.

    A small model gets caught in circles, one answer in forty. Lines that come again and again end the answer instead.
    """
    sizes = range(_CIRCLE_TOKENS, len(ids) // 2 + 1)
    circles = (ids[-size:] for size in sizes if ids[-size:] == ids[-2 * size : -size])
    return [circle[0] for circle in circles if not any(token in line_breaks for token in circle)]


def _text(data: bytes) -> str:
    return data.decode(errors="ignore").replace("\r\n", "\n")
