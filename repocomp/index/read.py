"""From the bytes of a file to everything the index stores of it. Pure, so it runs in worker processes."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from repocomp.index.chunk import WINDOWS, Terms, Words, part_terms, syntax_pieces, window_terms, windows
from repocomp.index.symbols import Syntax, parse
from repocomp.languages.table import language_of
from repocomp.secrets import redact
from repocomp.store.index.rows import Chunk, ChunkKind

_PACKING = 6


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


def digest_of(data: bytes, language: str) -> str:
    """The identity of a content, tagged with its algorithm. The language counts: it decides what is read."""
    digest = hashlib.blake2b(data, digest_size=20, person=language.encode()[:16])
    return f"b2:{digest.hexdigest()}"


def read(path: str, data: bytes) -> Content:
    """Redact, parse, cut and count. `data` is UTF-8 text (checked by the walk); stray bytes are replaced."""
    language = language_of(path)
    text = redact(data.decode(errors="replace").replace("\r\n", "\n"))
    lines = text.split("\n")
    count = len(lines) - (len(lines) > 1 and not lines[-1])
    syntax = parse(language, text)
    words = Words.of(lines[:count])
    pieces = {kind: windows(count, kind) for kind in WINDOWS}
    pieces[ChunkKind.SYNTAX] = syntax_pieces(count, syntax.definitions)
    terms = {kind: window_terms(words, count, kind) for kind in WINDOWS}
    terms[ChunkKind.SYNTAX] = part_terms(words, pieces[ChunkKind.SYNTAX], syntax.definitions)
    packed = zlib.compress(text.encode(), _PACKING)
    return Content(digest_of(data, language), language, count, len(data), packed, syntax, pieces, terms)
