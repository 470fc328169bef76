"""What an answer may copy from.

A table costs no attention, so it reads what the model cannot: more of the file than the prompt has room for, and every
retrieved chunk.
"""

from __future__ import annotations

from collections.abc import Sequence

from repocomp.document import Document, Position, text_of
from repocomp.generate.generator import CopySources
from repocomp.languages.marks import without_conflict_marks
from repocomp.prompt.window import Window
from repocomp.retrieve.hit import Hit

REACH_BYTES = 16_000
"""Bytes of the file read on each side of the cursor: about 4,000 tokens, 5 ms to encode."""


def copy_sources(document: Document, cursor: Position, window: Window, hits: Sequence[Hit]) -> CopySources:
    """The texts of `hits`, best first, and the file beside the window on both sides."""
    top = document.at(window.first_line, 1).offset
    before = document.data[max(0, top - REACH_BYTES) : top]
    after = document.data[cursor.offset : cursor.offset + REACH_BYTES]
    return CopySources(tuple(hit.text for hit in hits), _text(before), _text(after))


def _text(data: bytes) -> str:
    return without_conflict_marks(text_of(data))
