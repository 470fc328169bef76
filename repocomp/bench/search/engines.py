"""What our search is compared with: an exhaustive scan in numpy, SQLite's FTS5, and tantivy where it is installed.

All are given the same chunks as lists of terms, so that what differs is how they are searched. The scan uses our
formulas and no index: it is also the reference for exactness.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repocomp.retrieve.arms.bm25 import K1, B
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind

Floats = npt.NDArray[np.float64]
Top = list[tuple[float, int]]
"""The best (score, chunk number), best first."""

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Table:
    """Every chunk of one kind as terms: `places[i]` holds `vocabulary[terms[i]]` `counts[i]` times.

    By place: `chunks` are the numbers, `lengths` what the index holds of their length.
    """

    vocabulary: Mapping[str, int]
    places: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int64]
    counts: Floats
    chunks: npt.NDArray[np.uint32]
    lengths: Floats

    @classmethod
    def of(cls, path: Path, kind: ChunkKind) -> Table:
        """Read all posting lists of the index at `path`, which must hold live contents only."""
        with IndexReader.open_at(path) as reader:
            segments = reader.segments.all(kind)
            starts = np.cumsum([0, *(len(segment.chunks) for segment in segments)])
            first = {segment.id: start for segment, start in zip(segments, starts, strict=False)}
            chunks = np.concatenate([segment.chunks for segment in segments])
            lengths = np.concatenate([segment.lengths for segment in segments]).astype(np.float64)
            lists = reader.segments.all_postings(kind)
        vocabulary: dict[str, int] = {}
        columns: list[list[npt.NDArray[Any]]] = [[], [], []]
        for one in lists:
            places = one.places.astype(np.int64) + first[one.segment_id]
            counts = np.ones(len(places)) if one.counts is None else one.counts.astype(np.float64)
            number = np.full(len(places), vocabulary.setdefault(one.term, len(vocabulary)))
            for column, part in zip(columns, (places, number, counts), strict=True):
                column.append(part)
        places, terms, counts = (np.concatenate(column) for column in columns)
        return cls(vocabulary, places, terms, counts, chunks, lengths)

    def bm25(self, weights: Mapping[str, float], number: int) -> Top:
        """By the formula of `arms.bm25`, over every term of every chunk."""
        known = {self.vocabulary[term]: weight for term, weight in weights.items() if term in self.vocabulary}
        gain = np.zeros(len(self.vocabulary))
        asked = np.isin(self.terms, list(known))
        held = np.bincount(self.terms[asked], minlength=len(self.vocabulary))
        for term, weight in known.items():
            gain[term] = weight * math.log(1 + (len(self.chunks) - held[term] + 0.5) / (held[term] + 0.5)) * (K1 + 1)
        places, tf = self.places[asked], self.counts[asked]
        norm = K1 * (1 - B + B * self.lengths / (self.lengths.mean() or 1.0))
        each = gain[self.terms[asked]] * tf / (tf + norm[places])
        return self._top(np.bincount(places, each, minlength=len(self.chunks)).astype(np.float64), number)

    def jaccard(self, asked: Sequence[str], number: int) -> Top:
        """Words shared, of all words that either has."""
        known = [self.vocabulary[term] for term in asked if term in self.vocabulary]
        shared = np.bincount(self.places[np.isin(self.terms, known)], minlength=len(self.chunks))
        return self._top(shared / (len(asked) + self.lengths - shared), number)

    def texts(self) -> Iterator[tuple[int, str]]:
        """(place, terms as words, as often as they count), in order."""
        names = list(self.vocabulary)
        order = np.argsort(self.places, kind="stable")
        edges = np.searchsorted(self.places[order], np.arange(len(self.chunks) + 1))
        for place, (start, end) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            some = order[start:end]
            repeated = np.repeat(self.terms[some], self.counts[some].astype(np.int64))
            yield place, " ".join(names[term] for term in repeated)

    def _top(self, scores: Floats, number: int) -> Top:
        best = np.argsort(-scores, kind="stable")[:number]
        return [(float(scores[at]), int(self.chunks[at])) for at in best if scores[at] > 0]


class Fts5:
    """SQLite's full-text search, its index in a file of its own."""

    def __init__(self, path: Path, table: Table) -> None:
        path.unlink(missing_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("CREATE VIRTUAL TABLE chunk USING fts5(body, content='', tokenize='unicode61')")
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO chunk (rowid, body) VALUES (?, ?)", table.texts())
        self._connection.execute("COMMIT")

    def search(self, terms: Sequence[str], number: int) -> list[int]:
        """The places of the best."""
        asked = " OR ".join(f'"{term}"' for term in terms)
        select = "SELECT rowid FROM chunk WHERE chunk MATCH ? ORDER BY rank LIMIT ?"
        return [place for (place,) in self._connection.execute(select, (asked, number))]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class Tantivy:
    """The search library in Rust, by its Python package."""

    def __init__(self, path: Path, table: Table) -> None:
        self._library: Any = import_module("tantivy")
        schema = self._library.SchemaBuilder()
        schema.add_unsigned_field("place", stored=True)
        schema.add_text_field("body", stored=False, tokenizer_name="whitespace", index_option="freq")
        path.mkdir(exist_ok=True)
        self._schema = schema.build()
        self._index = self._library.Index(self._schema, path=str(path), reuse=False)
        writer = self._index.writer(100_000_000, 1)
        for place, text in table.texts():
            writer.add_document(self._library.Document(place=place, body=text))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    @staticmethod
    def is_installed() -> bool:
        """Whether the package is there; nothing of ours needs it."""
        return find_spec("tantivy") is not None

    def search(self, terms: Sequence[str], number: int) -> list[int]:
        """The places of the best."""
        library = self._library
        parts = [(library.Occur.Should, library.Query.term_query(self._schema, "body", term)) for term in terms]
        found = self._searcher.search(library.Query.boolean_query(parts), number, count=False)
        return [self._searcher.doc(address)["place"][0] for _, address in found.hits]
