"""Targets to complete: spans cut out of real files, of the kinds that people complete and papers report.

A hole is a half-open byte range of a file; the answer is what stood there. The kinds follow Repoformer and RepoEval:
whole lines, API calls (the arguments of a call to a function that the repository defines), chunks (1 + Poisson(3)
lines), function bodies (3 to 30 lines), and, since cursors stand there, the rest of a line from its middle. As in
CrossCodeEval, `crossfile` is a line from where it comes to a name that another file defines and this one says nowhere
else: there the other file has to be read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from repocomp.complete.cursor_kind import CURSOR_KINDS, CursorKind
from repocomp.complete.finish.surroundings import Surroundings
from repocomp.document import Document
from repocomp.languages.table import language, language_of, stated
from repocomp.request import Mode
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Symbol
from repocomp.terms import words

HoleKind = Literal["line", "api", "chunk", "function", "midline", "crossfile"]
KINDS: tuple[HoleKind, ...] = ("line", "api", "chunk", "function", "midline")
"""The kinds that papers report of any file, cut without a look at where people type; those that look are in `cursors`.
"""
ALL_KINDS: tuple[HoleKind, ...] = get_args(HoleKind)
"""Those, and the one that only some files have places for."""

_CALL = re.compile(r"\b([^\W\d]\w*)\(")
_NAME = re.compile(r"[^\W\d]\w{3,}")
_RECEIVER = re.compile(r"(?:[^\W\d]\w*(?:\.|->|::))+$")
_MOST_OWNERS = 2
"""A name that more files define belongs to none of them."""
_COMMENTS = (b"#", b"*", b"//")
"""Lines that begin so are no targets in any language: comments, their middle, directives, headings."""
_MEAN_LINES = 3
_BODY_LINES = range(3, 31)
_CLUSTER_LINES = 10
MIN_CHARS = 3
_TRIES = 4
_MOST_BYTES = 1 << 17
_SELDOM_WRITTEN = re.compile(r"(?i)(?:^|/)(?:change|history|news|licen[cs]e|copying)[^/]*$|lock[^/]*$")
"""Change logs, licences, lock files: long, repetitive, and seldom written by hand."""
_FUNCTIONS = frozenset({"function", "method"})


Defined = Mapping[str, int]
"""The names that a repository defines, with the number of files that define each."""


@dataclass(frozen=True, slots=True)
class Hole:
    """One target: bytes `start` .. `end` of `document`; `answer` is the text that stood there."""

    document: Document
    start: int
    end: int
    kind: HoleKind | CursorKind

    @property
    def mode(self) -> Mode:
        """The completion mode: the kind's own where papers say it, else what the place suggests."""
        if self.kind in CURSOR_KINDS:
            left, right = (part.decode() for part in (self.document.data[: self.start], self.document.data[self.end :]))
            return Surroundings.of(left, right).mode
        return "block" if self.kind in ("chunk", "function") else "line"

    @property
    def answer(self) -> str:
        """What was cut out."""
        return self.document.data[self.start : self.end].decode()

    @property
    def opened(self) -> Document:
        """The file with the hole in it."""
        data = self.document.data
        return Document(self.document.path, data[: self.start] + data[self.end :])


@dataclass(frozen=True, slots=True)
class Source:
    """A file to sample from: its document, line ranges (from 1, inclusive) of function bodies, names it defines."""

    document: Document
    bodies: tuple[tuple[int, int], ...]
    defines: frozenset[str] = frozenset()


def sample(
    sources: Sequence[Source],
    defined: Defined,
    kinds: Sequence[HoleKind],
    limit: int,
    rng: np.random.Generator,
) -> list[Hole]:
    """Up to `limit` holes, kinds in turn, files at random; `defined` are the names the repository defines itself."""
    holes: dict[tuple[str, int], Hole] = {}
    for attempt in range(limit * _TRIES):
        if len(holes) >= limit or not sources:
            break
        kind = kinds[attempt % len(kinds)]
        source = sources[int(rng.integers(len(sources)))]
        found = _MAKERS[kind](source, defined, rng)
        if found is not None and len(found.answer.strip()) >= MIN_CHARS:
            holes.setdefault((found.document.path, found.start), found)
    return list(holes.values())


def texts_of(reader: IndexReader) -> list[Source]:
    """Every text of an index that people write in, prose and data too."""
    rows = [row for row in reader.files.all() if not _SELDOM_WRITTEN.search(row.path)]
    documents = [Document(row.path, reader.contents.text(row.content_id).encode()) for row in rows]
    return [Source(document, ()) for document in documents if len(document.data) <= _MOST_BYTES]


def sources_of(reader: IndexReader) -> tuple[list[Source], Defined]:
    """What an index offers to sample from: its source files, and every name the repository defines."""
    sources: list[Source] = []
    defined: Counter[str] = Counter()
    for row in reader.files.all():
        if not is_source(row.path):
            continue
        symbols = reader.symbols.of(row.content_id)
        names = frozenset(symbol.name for symbol in symbols)
        defined.update(names)
        document = Document(row.path, reader.contents.text(row.content_id).encode())
        sources.append(Source(document, tuple(_bodies(document, symbols)), names))
    return sources, defined


def _bodies(document: Document, symbols: Sequence[Symbol]) -> Iterator[tuple[int, int]]:
    """Line ranges of function bodies whose header is one line; a closing bracket stays outside."""
    for symbol in symbols:
        header = document.line(symbol.start_line).rstrip()
        if symbol.kind in _FUNCTIONS and header.endswith((b":", b"{")):
            closing = header.endswith(b"{")
            yield symbol.start_line + 1, symbol.end_line - closing


def cluster_blocks(document: Document, rng: np.random.Generator) -> list[int]:
    """First lines of one block from each cluster of the file's 10-line blocks.

    Repoformer draws chunk targets from clusters so that boilerplate does not fill the set; blocks cluster here when
    they share half of their words.
    """
    starts = list(range(1, document.line_count + 1, _CLUSTER_LINES))
    sets = [frozenset(words(_lines(document, at, at + _CLUSTER_LINES - 1))) for at in starts]
    chosen: list[int] = []
    for at in rng.permutation(len(starts)):
        if sets[at] and all(_overlap(sets[at], sets[other]) < 0.5 for other in chosen):
            chosen.append(int(at))
    return sorted(starts[at] for at in chosen)


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b)


def _lines(document: Document, first: int, last: int) -> str:
    return b"\n".join(document.line(number) for number in range(first, min(last, document.line_count) + 1)).decode()


def _line(source: Source, _: Defined, rng: np.random.Generator) -> Hole | None:
    number = _visible_line(source.document, rng)
    return None if number is None else _span(source.document, number, number, "line")


def _midline(source: Source, _: Defined, rng: np.random.Generator) -> Hole | None:
    number = _visible_line(source.document, rng)
    if number is None:
        return None
    text = source.document.line(number).decode()
    lead = len(text) - len(text.lstrip())
    at = lead + int(rng.integers(1, max(2, len(text) - lead - MIN_CHARS)))
    start = source.document.at(number, len(text[:at].encode()) + 1).offset
    return Hole(source.document, start, start + len(text[at:].encode()), "midline")


def _chunk(source: Source, _: Defined, rng: np.random.Generator) -> Hole | None:
    blocks = cluster_blocks(source.document, rng)
    if not blocks:
        return None
    first = blocks[int(rng.integers(len(blocks)))] + int(rng.integers(_CLUSTER_LINES))
    last = first + int(rng.poisson(_MEAN_LINES))
    if last > source.document.line_count or not source.document.line(first).strip():
        return None
    return _span(source.document, first, last, "chunk")


def _function(source: Source, _: Defined, rng: np.random.Generator) -> Hole | None:
    bodies = [(a, b) for a, b in source.bodies if b - a + 1 in _BODY_LINES]
    if not bodies:
        return None
    first, last = bodies[int(rng.integers(len(bodies)))]
    return _span(source.document, first, last, "function")


def _api(source: Source, defined: Defined, rng: np.random.Generator) -> Hole | None:
    text = source.document.data.decode()
    language = language_of(source.document.path)
    defining = {
        *stated(language, lambda known: known.function_words),
        *stated(language, lambda known: known.class_words),
    }
    calls = [m for m in _CALL.finditer(text) if m[1] in defined and _word_before(text, m.start()) not in defining]
    if not calls:
        return None
    call = calls[int(rng.integers(len(calls)))]
    end = _closing(text, call.end())
    if end is None:
        return None
    start_byte = len(text[: call.end()].encode())
    return Hole(source.document, start_byte, start_byte + len(text[call.end() : end].encode()), "api")


def _crossfile(source: Source, defined: Defined, rng: np.random.Generator) -> Hole | None:
    text = source.document.data.decode()
    said = Counter(_NAME.findall(text))
    foreign = {
        name
        for name, count in said.items()
        if count == 1 and name not in source.defines and 0 < defined.get(name, 0) <= _MOST_OWNERS
    }
    places = [match.start() for match in _NAME.finditer(text) if match[0] in foreign]
    if not places:
        return None
    at = places[int(rng.integers(len(places)))]
    line_start, line_end = text.rfind("\n", 0, at) + 1, (text + "\n").find("\n", at)
    if _is_comment(source.document, text[line_start:line_end].strip().encode()):
        return None
    receiver = _RECEIVER.search(text[line_start:at])
    if receiver is not None and rng.random() < 0.5:
        at = line_start + receiver.start()
    start_byte = len(text[:at].encode())
    return Hole(source.document, start_byte, start_byte + len(text[at:line_end].encode()), "crossfile")


def _word_before(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at].split()
    return line[-1] if line else ""


def _closing(text: str, at: int) -> int | None:
    """Just after the bracket that closes the one before `at`, if it stands within 300 characters."""
    depth = 1
    for place in range(at, min(len(text), at + 300)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if not depth:
            return place + 1
    return None


def _visible_line(document: Document, rng: np.random.Generator) -> int | None:
    for _ in range(_TRIES):
        number = int(rng.integers(1, document.line_count + 1))
        text = document.line(number).strip()
        if len(text) > MIN_CHARS + 1 and not _is_comment(document, text):
            return number
    return None


def _is_comment(document: Document, line: bytes) -> bool:
    known = language(language_of(document.path))
    return line.startswith((*_COMMENTS, known.line_comment.encode()) if known is not None else _COMMENTS)


def _span(document: Document, first: int, last: int, kind: HoleKind) -> Hole:
    """From the first visible character of line `first` to the end of line `last`."""
    text = document.line(first)
    lead = len(text) - len(text.lstrip())
    start = document.at(first, lead + 1).offset
    end = document.at(last, 1).offset + len(document.line(last))
    return Hole(document, start, max(start, end), kind)


_MAKERS: dict[HoleKind, Callable[[Source, Defined, np.random.Generator], Hole | None]] = {
    "line": _line,
    "api": _api,
    "chunk": _chunk,
    "function": _function,
    "midline": _midline,
    "crossfile": _crossfile,
}


def is_source(path: str) -> bool:
    """Whether holes are cut in files of this name: programming languages, not prose or data."""
    return language_of(path) != "text"
