"""The place of a cursor, read once: what the model sees of it, what retrieval is asked, how much is to be written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from repocomp.complete.finish.finish import Finish
from repocomp.complete.finish.surroundings import Surroundings
from repocomp.document import Document, Position, text_of
from repocomp.languages.formats import language_in
from repocomp.prompt.window import Window, unseen
from repocomp.request import FillMode, Mode
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query

_BELOW_BYTES = 1 << 16
"""No larger file is looked at as a whole."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor in a document. `mode` says whether a line or a block is missing there."""

    document: Document
    cursor: Position
    window: Window
    query: Query
    mode: Mode

    @classmethod
    def of(cls, document: Document, cursor: Position, window: Window, mode: FillMode = "auto") -> Place:
        """Read the place whose prompt shows `window`."""
        chosen = Surroundings.of(window.left, window.right).mode if mode == "auto" else mode
        return cls(document, cursor, window, query_of(document, cursor, window), chosen)

    @property
    def _below(self) -> str:
        """The file behind what the window shows."""
        return text_of(self.document.data[self.cursor.offset :][:_BELOW_BYTES])[len(self.window.right) :]

    def finish(self, hits: Sequence[Hit]) -> Finish:
        """The rules for an answer here, which may have been copied from `hits`."""
        return Finish.of(
            self.window.left,
            self.window.right,
            self.query.language,
            self.mode,
            above=self.query.above,
            below=self._below,
            is_cut=self.window.last_line < self.document.line_count,
            sources=[hit.text for hit in hits],
        )


def query_of(document: Document, cursor: Position, window: Window) -> Query:
    """What retrieval is asked for a cursor whose prompt shows `window`."""
    above, below = unseen(document, cursor, window)
    return Query(
        path=document.path,
        language=document.language or language_in(document.path, document.data),
        prefix=window.left,
        suffix=window.right,
        visible=(1, sys.maxsize) if document.is_excerpt else (window.first_line, window.last_line),
        above=above,
        below=below,
    )
