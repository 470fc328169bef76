"""What a front end asks: a buffer, a position in it, and what was set for this one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repocomp.document import Document, Position, PositionEncoding


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a buffer as editors name it: line and column from 1, or a byte `offset` from 0."""

    line: int = 0
    column: int = 0
    offset: int | None = None
    encoding: PositionEncoding = PositionEncoding.UTF8

    def position(self, document: Document) -> Position:
        """The place in `document`. Raises CursorError outside of it."""
        if self.offset is not None:
            return document.at_offset(self.offset)
        return document.at(self.line, self.column, self.encoding)


@dataclass(frozen=True, slots=True)
class Question:
    """A buffer to complete. `path` names it and need not exist; `data` are its bytes.

    `flags` are settings by name as they were given for this request, `environment` the REPOCOMP_* variables of whoever
    asks: a daemon's own are nobody's. `buffers` are the texts of other files that are open and may not be saved. Where
    it `is_awaited` somebody asked for this very answer and sees it, unlike one that an editor offers: it is not
    withheld unless that was set.
    """

    path: Path
    data: bytes
    place: Place
    flags: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    is_awaited: bool = False
    buffers: Mapping[Path, str] = field(default_factory=dict)
