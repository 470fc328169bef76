"""Parsing that can be ended, and that leaves nothing behind.

Only a text that a parser reads piece by piece can be given up, and the binding of tree-sitter keeps every piece for
ever: a daemon grew by what it parsed. So the pieces stand in a buffer that is used again, and it keeps that alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

_PIECE = 1 << 16


class _Buffer(threading.local):
    """That of one thread, whose parsers run one after the other."""

    def __init__(self) -> None:
        self.piece = bytearray()


_buffer = _Buffer()


class _Reader:
    """Gives a parser `data` in pieces, and later its tree the text of a node that a query compares."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.is_parsed = False

    def __call__(self, offset: int, _: object) -> bytes | bytearray:
        piece = self._data[offset : offset + _PIECE]
        if self.is_parsed:
            # A tree takes bytes alone, and lets go of them.
            return piece
        _buffer.piece[:] = piece
        return _buffer.piece


def parse(parser: Parser, data: bytes, is_enough: Callable[..., bool], old: Tree | None = None) -> Tree | None:
    """The tree of `data`, made from that of an `old` text which was told the difference.

    None where `is_enough`, which is asked every few steps, ended it.
    """
    reader = _Reader(data)
    try:
        if old is None:
            return parser.parse(reader, progress_callback=is_enough)
        return parser.parse(reader, old, progress_callback=is_enough)
    except ValueError:
        # Else it would go on where it was ended, with another text.
        parser.reset()
        return None
    finally:
        reader.is_parsed = True
