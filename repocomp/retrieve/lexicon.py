"""Words as numbers, with what never changes about each: a text is read once, features are then sums over arrays.

A lexicon belongs to one reader of an index and forgets everything when it has grown large, so its size is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from repocomp.languages.table import keywords
from repocomp.lru import LruCache
from repocomp.store.index.reader import IndexReader
from repocomp.terms import parts, words

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FACTS = ("length", "parts", "capital", "underscore", "is_name")
"""Columns of `Lexicon.facts`; `is_name`: longer than a letter and not a number."""
_MOST_WORDS = 100_000
_TEXTS = 4_000
_UNKNOWN = -1


class Lexicon:
    """Numbers words from 0 as they come. Not safe for two threads, like the reader it belongs to."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget every word: numbers given before mean nothing any more."""
        self._numbers: dict[str, int] = {}
        self._part_numbers: dict[str, int] = {}
        self._facts = np.zeros((1024, len(FACTS)))
        self._files = np.full(1024, _UNKNOWN, dtype=np.int64)
        self._parts = np.zeros(4096, dtype=np.int64)
        self._ends = np.zeros(1024, dtype=np.int64)
        # Written and read by one method at a time, so that no query pays for arrays as long as the vocabulary.
        self._scratch = np.zeros(1024)
        self._columns = np.zeros(1024, dtype=np.int64)
        self._version = -1
        self.names: list[str] = []
        self._counts: LruCache[str, tuple[Ints, Ints]] = LruCache(16)
        self._reserved: LruCache[str, Ints] = LruCache(16)
        self._texts: LruCache[str, tuple[str, Ints]] = LruCache(_TEXTS)

    @property
    def is_full(self) -> bool:
        """Whether it is time to begin anew."""
        return len(self.names) > _MOST_WORDS

    def numbers(self, names: Iterable[str]) -> Ints:
        """The number of each name."""
        numbers = self._numbers
        return np.array([numbers[name] if name in numbers else self._add(name) for name in names], dtype=np.int64)

    def count(self, text: str) -> tuple[Ints, Ints]:
        """The distinct words of a text, and how often each stands there."""
        return self._counts.get_or(text, lambda: np.unique(self.numbers(words(text)), return_counts=True))

    def reserved(self, language: str) -> Ints:
        """The keywords of a language."""
        return self._reserved.get_or(language, lambda: self.numbers(sorted(keywords(language))))

    def read(self, text: str) -> tuple[str, Ints]:
        """A text without runs of white space, and its distinct words in order."""
        return self._texts.get_or(text, lambda: self._read(text))

    def facts(self, some: Ints) -> Floats:
        """Facts [n, len(FACTS)] of words."""
        return self._facts[some]

    def mask(self, some: Ints) -> npt.NDArray[np.bool_]:
        """True for these words, [all words]."""
        chosen = np.zeros(len(self.names), dtype=np.bool_)
        chosen[some] = True
        return chosen

    def files(self, reader: IndexReader, some: Ints) -> Ints:
        """In how many contents of the index each word is used."""
        if self._version != reader.version:
            self._version = reader.version
            self._files[:] = _UNKNOWN
        unknown = some[self._files[some] == _UNKNOWN].tolist()
        if unknown:
            frequency = reader.symbols.document_frequency([self.names[number] for number in unknown])
            self._files[unknown] = [frequency.get(self.names[number], 0) for number in unknown]
        return self._files[some]

    def values(self, some: Ints, values: Floats, among: Ints) -> Floats:
        """The values of `some` words where they are `among` others, 0 for the rest, in the order of `among`."""
        self._scratch[some] = values
        result = self._scratch[among]
        self._scratch[some] = 0.0
        return result

    def columns(self, numbers: Ints) -> tuple[Ints, Ints]:
        """The distinct words of `numbers`, ascending, and for each number its place among them."""
        distinct = np.flatnonzero(self.mask(numbers))
        self._columns[distinct] = np.arange(len(distinct))
        return distinct, self._columns[numbers]

    def likeness(self, some: Ints, others: Ints, weights: Floats) -> tuple[Floats, Floats]:
        """How much the parts of each word weigh, given the weights of `others`: the highest and the mean."""
        of_part = np.zeros(len(self._part_numbers))
        owner, numbers, _ = self._parts_of(others)
        np.maximum.at(of_part, numbers, weights[owner])
        rows, numbers, sizes = self._parts_of(some)
        values = of_part[numbers]
        highest = np.zeros(len(some))
        np.maximum.at(highest, rows, values)
        return highest, np.bincount(rows, values, minlength=len(some)) / np.maximum(1, sizes)

    def _parts_of(self, some: Ints) -> tuple[Ints, Ints, Ints]:
        """For each part of each word its place in `some` and its number; and how many parts each word has."""
        ends = self._ends[some]
        sizes = ends - np.where(some > 0, self._ends[some - 1], 0)
        rows = np.repeat(np.arange(len(some)), sizes)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return rows, self._parts[np.repeat(ends - sizes, sizes) + within], sizes

    def _add(self, name: str) -> int:
        number = len(self.names)
        self._numbers[name] = number
        self.names.append(name)
        if number == len(self._facts):
            self._facts = np.concatenate([self._facts, np.zeros_like(self._facts)])
            self._files = np.concatenate([self._files, np.full(number, _UNKNOWN, dtype=np.int64)])
            self._ends = np.concatenate([self._ends, np.zeros_like(self._ends)])
            self._scratch = np.concatenate([self._scratch, np.zeros(number)])
            self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)])
        split = [self._part_numbers.setdefault(part, len(self._part_numbers)) for part in parts(name)]
        start = int(self._ends[number - 1]) if number else 0
        while start + len(split) > len(self._parts):
            self._parts = np.concatenate([self._parts, np.zeros_like(self._parts)])
        self._parts[start : start + len(split)] = split
        self._ends[number] = start + len(split)
        is_name = len(name) > 1 and not name[0].isdigit()
        self._facts[number] = (len(name) / 10, len(split) / 3, name[0].isupper(), "_" in name, is_name)
        return number

    def _read(self, text: str) -> tuple[str, Ints]:
        return " ".join(text.split()), self.numbers(dict.fromkeys(words(text)))


def lexicon_of(reader: IndexReader) -> Lexicon:
    """The lexicon of a reader, begun anew when it has grown large."""
    lexicon = reader.memo(_lexicon)
    if lexicon.is_full:
        lexicon.clear()
    return lexicon


def _lexicon(_: IndexReader) -> Lexicon:
    return Lexicon()
