"""From the bytes of a file to everything the index stores of it. Pure, so it runs in worker processes."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from repocomp.document import text_of
from repocomp.index.chunk import WINDOWS, Terms, Words, part_terms, syntax_pieces, window_terms, windows
from repocomp.index.fitness import without_data
from repocomp.index.symbols import Syntax, parse
from repocomp.languages.formats import code, format_of, language_in, shown
from repocomp.languages.table import language as language_named
from repocomp.secrets.redaction import redact
from repocomp.secrets.values import style_of
from repocomp.store.index.rows import Chunk, ChunkKind

_PACKING = 6
READING = 3
"""Raised when the same bytes are read in another way than before: indexes then read every file once more."""


@dataclass(frozen=True, slots=True)
class Content:
    """One content, ready to be written: its pieces and their terms by kind of chunk."""

    digest: str
    language: str
    line_count: int
    byte_count: int
    packed: bytes
    syntax: Syntax
    pieces: dict[ChunkKind, list[Chunk]]
    terms: dict[ChunkKind, Terms]


def digest_of(path: str, data: bytes) -> str:
    """The identity of a content, tagged with its algorithm.

    What its name makes of it counts, since that decides what is read: language, format and style; and so does the
    version of how we read.
    """
    form = f"{READING}{style_of(path).value[:2]}{format_of(path).name}".encode()[:16]
    language = language_in(path, data).encode()[:16]
    return f"b2:{hashlib.blake2b(data, digest_size=20, person=language, salt=form).hexdigest()}"


def read(path: str, data: bytes) -> Content:
    """Leave out lines of data, redact, parse, cut and count.

    `data` is UTF-8 text (checked by the walk); stray bytes are replaced.
    """
    language = language_in(path, data)
    text = redact(without_data(shown(path, text_of(data))), path)
    lines = text.split("\n")
    count = len(lines) - (len(lines) > 1 and not lines[-1])
    syntax = parse(language, code(path, text))
    words = Words.of(lines[:count])
    pieces = {kind: windows(count, kind) for kind in WINDOWS}
    pieces[ChunkKind.SYNTAX] = syntax_pieces(count, syntax.definitions)
    terms = {kind: window_terms(words, count, kind) for kind in WINDOWS}
    terms[ChunkKind.SYNTAX] = part_terms(words, pieces[ChunkKind.SYNTAX], syntax.definitions)
    packed = zlib.compress(text.encode(), _PACKING)
    known = language_named(language)
    symbols = syntax if known is None or known.has_symbols else Syntax()
    return Content(digest_of(path, data), language, count, len(data), packed, symbols, pieces, terms)
