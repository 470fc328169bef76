"""What the n-gram cache may copy from: more of the file than the prompt has room for, and every retrieved chunk.

A table costs no attention, so it reads what the model cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from repocomp.complete.prompt import Context
from repocomp.document import Document, Position
from repocomp.engine.ngram_cache import WALL, NgramCache
from repocomp.retrieve.arms.base import Hit

REACH_BYTES = 16_000
"""Bytes of the file read on each side of the cursor: about 4,000 tokens, 5 ms to encode."""


def ngram_cache(
    document: Document,
    cursor: Position,
    context: Context,
    hits: Sequence[Hit],
    encode: Callable[[str], list[int]],
) -> NgramCache:
    """The chunks, the text after the cursor, then the text before it, ending with the very tokens of the prompt."""
    top = document.at(context.first_line, 1).offset
    before = document.data[max(0, top - REACH_BYTES) : top]
    after = document.data[cursor.offset : cursor.offset + REACH_BYTES]
    ids: list[int] = []
    for text in [*(hit.text for hit in reversed(hits)), _text(after)]:
        ids += [*encode(text), WALL]
    return NgramCache([*ids, *encode(_text(before)), *context.left_ids])


def _text(data: bytes) -> str:
    return data.decode(errors="ignore").replace("\r\n", "\n")
