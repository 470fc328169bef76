"""What a ranker knows of what was drawn: of each piece where it comes from and what it shares, of each word how likely.

Long hits are cut into pieces of a few lines first, so that a budget holds more places and each is judged by itself.
Words are numbers (`lexicon.py`), and which piece shows which word is one pair of arrays, so features are a few sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from repocomp.retrieve.arms.near import near_contents, word_weights
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.lexicon import FACTS, Floats, Ints, Lexicon, lexicon_of
from repocomp.retrieve.query import Query
from repocomp.retrieve.resolve import bindings
from repocomp.store.index.reader import IndexReader

PIECE_LINES = 6
RRF_K = 60
_RANK_K = 8
_ARMS = ("jaccard", "bm25", "structured", "usage", "near")
PIECE_FEATURES = (
    *_ARMS,
    *("sources", "fused", "same_file", "same_folder", "nearness", "test"),
    *("shared", "rarest", "shared_before", "similar", "fresh", "agreed", "length", "part"),
)
"""Columns of the pieces' matrix."""
WORD_FEATURES = (
    *("mass", "best", "pieces", "nearness", "in_file", "times_in_file", "likest_part", "mean_part"),
    *("length", "parts", "capital", "underscore", "document_frequency", "imported", "bias"),
)
"""Columns of the words' matrix."""


def fused_score(ranks: Mapping[str, int]) -> float:
    """The score that reciprocal rank fusion (Cormack et al. 2009) gives to ranks from 1, by arm."""
    return sum(1 / (RRF_K + rank) for rank in ranks.values())


@dataclass(frozen=True, slots=True)
class RankContext:
    """What is known before anything is drawn: words near the cursor, their weight by rarity, how near contents are."""

    query: Query
    reader: IndexReader
    lexicon: Lexicon
    near_words: Mapping[str, float]
    weights: Mapping[str, float]
    nearness: Mapping[int, float]

    @classmethod
    def of(cls, reader: IndexReader, query: Query) -> RankContext:
        """Look around."""
        near = word_weights(query)
        frequency = reader.symbols.document_frequency(sorted(near))
        weights = {name: near[name] / math.log2(2 + files) for name, files in frequency.items() if len(name) > 1}
        return cls(query, reader, lexicon_of(reader), near, weights, near_contents(reader, query))


@dataclass(frozen=True, slots=True)
class Pieces:
    """Runs of a few lines of the hits in `groups`, as hits of their own.

    `hits[i]` is run number `numbers[i]` of the hit `groups[owner[i]]`. Word `words[cols[k]]` (a number of the lexicon)
    stands in piece `rows[k]`; `rows` ascend.
    """

    groups: Sequence[tuple[Hit, Mapping[str, int]]]
    hits: list[Hit]
    numbers: Ints
    owner: Ints
    rows: Ints
    cols: Ints
    words: Ints

    def __len__(self) -> int:
        return len(self.hits)

    def names(self, lexicon: Lexicon) -> list[frozenset[str]]:
        """The words of each piece."""
        names: list[set[str]] = [set() for _ in self.hits]
        for row, number in zip(self.rows.tolist(), self.words[self.cols].tolist(), strict=True):
            names[row].add(lexicon.names[number])
        return [frozenset(some) for some in names]


def pieces_of(context: RankContext, groups: Sequence[tuple[Hit, Mapping[str, int]]]) -> Pieces:
    """Cut hits into runs of `PIECE_LINES`; blank ones are left out, and what says the same is taken once."""
    seen: set[str] = {""}
    hits: list[Hit] = []
    places: list[tuple[int, int]] = []
    words: list[Ints] = [np.zeros(0, dtype=np.int64)]
    for owner, (hit, _) in enumerate(groups):
        for number, piece in enumerate(hit.cut(PIECE_LINES)):
            folded, numbers = context.lexicon.read(piece.text)
            if folded not in seen:
                seen.add(folded)
                hits.append(piece)
                places.append((owner, number))
                words.append(numbers)
    distinct, cols = context.lexicon.columns(np.concatenate(words))
    rows = np.repeat(np.arange(len(hits)), [len(some) for some in words[1:]])
    owners, numbers = np.array(places, dtype=np.int64).reshape(-1, 2).T
    return Pieces(groups, hits, numbers, owners, rows, cols, distinct)


def piece_matrix(context: RankContext, pieces: Pieces) -> Floats:
    """Features [n, len(PIECE_FEATURES)] of the pieces."""
    lexicon, number, rows = context.lexicon, len(pieces), pieces.rows
    visible = lexicon.mask(_visible(context))
    is_new = ~visible[pieces.words][pieces.cols]
    new_rows, new_cols = rows[is_new], pieces.cols[is_new]
    of_word = np.array(list(context.weights.values()), dtype=np.float64)
    weights = lexicon.values(lexicon.numbers(context.weights), of_word, pieces.words)[pieces.cols]
    near, _ = lexicon.count(context.query.last_lines(10))
    common = np.bincount(rows, lexicon.mask(near)[pieces.words][pieces.cols], minlength=number)
    shown = np.bincount(rows, minlength=number)
    shared = np.bincount(rows, weights, minlength=number) / (sum(context.weights.values()) or 1.0)
    rarest = np.zeros(number)
    np.maximum.at(rarest, rows, weights)
    agreed = np.log2(np.maximum(1, np.bincount(new_cols, minlength=len(pieces.words))))[new_cols]
    columns = (
        shared,
        rarest,
        np.where(pieces.numbers > 0, np.concatenate([[0.0], shared])[:number], 0.0),
        common / np.maximum(1, shown + len(near) - common),
        np.bincount(new_rows, minlength=number) / 20,
        np.bincount(new_rows, agreed, minlength=number) / 20,
        np.log2([1 + len(hit.text) for hit in pieces.hits]) / 8,
        pieces.numbers / 4,
    )
    return np.column_stack([_group_matrix(context, pieces.groups)[pieces.owner], *columns])


def _group_matrix(context: RankContext, groups: Sequence[tuple[Hit, Mapping[str, int]]]) -> Floats:
    """What the pieces of a hit have in common [groups, 11]."""
    path = context.query.path
    folder, is_test = path.rpartition("/")[0], "test" in path.lower()
    rows = [
        (
            *(_RANK_K / (_RANK_K + ranks[arm]) if arm in ranks else 0.0 for arm in _ARMS),
            len(ranks) / 3,
            RRF_K * fused_score(ranks) / 3,
            hit.path == path,
            hit.path.rpartition("/")[0] == folder,
            context.nearness.get(hit.content_id, 0.0),
            ("test" in hit.path.lower()) == is_test,
        )
        for hit, ranks in groups
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, len(_ARMS) + 6)


def _visible(context: RankContext) -> Ints:
    """Words that the prompt shows anyway."""
    count = context.lexicon.count
    return np.concatenate([count(context.query.prefix)[0], count(context.query.suffix)[0]])


@dataclass(frozen=True, slots=True)
class Words:
    """The names that pieces show and the prompt does not: `numbers` [w] in the lexicon.

    Word `cols[k]` of them stands in piece `rows[k]`; `rows` ascend.
    """

    numbers: Ints
    rows: Ints
    cols: Ints

    @classmethod
    def of(cls, context: RankContext, pieces: Pieces) -> Words:
        """Those that are new: not in sight, no keyword, no number, no single letter."""
        lexicon = context.lexicon
        is_known = lexicon.mask(np.concatenate([_visible(context), lexicon.reserved(context.query.language)]))
        is_fresh = ~is_known[pieces.words] & (lexicon.facts(pieces.words)[:, FACTS.index("is_name")] > 0)
        column = np.cumsum(is_fresh) - 1
        keep = is_fresh[pieces.cols]
        return cls(pieces.words[is_fresh], pieces.rows[keep], column[pieces.cols[keep]])

    def names(self, lexicon: Lexicon) -> list[str]:
        """The words themselves."""
        return [lexicon.names[number] for number in self.numbers]


def word_matrix(context: RankContext, pieces: Pieces, new_words: Words, relevance: Floats) -> Floats:
    """Features [w, len(WORD_FEATURES)] of the words, given the log-odds [n] of the pieces' relevance."""
    lexicon, query = context.lexicon, context.query
    number, rows, cols = len(new_words.numbers), new_words.rows, new_words.cols
    best = relevance - relevance.max()
    share = np.exp(best) / np.exp(best).sum()
    nearness = np.array([context.nearness.get(hit.content_id, 0.0) for hit, _ in pieces.groups])[pieces.owner]
    highest, nearest = np.full(number, -np.inf), np.zeros(number)
    np.maximum.at(highest, cols, best[rows])
    np.maximum.at(nearest, cols, nearness[rows])
    in_file = np.zeros(number)
    for text in (query.above, query.below):
        numbers, counts = lexicon.count(text)
        in_file += lexicon.values(numbers, counts.astype(np.float64), new_words.numbers)
    weights = np.array(list(context.near_words.values()), dtype=np.float64)
    likest, mean = lexicon.likeness(new_words.numbers, lexicon.numbers(context.near_words), weights)
    facts = lexicon.facts(new_words.numbers)
    imported = lexicon.numbers(binding.alias for binding in bindings(context.reader, query))
    largest = math.log2(1 + max(2, context.reader.contents.count()))
    return np.column_stack(
        [
            np.log(np.bincount(cols, share[rows], minlength=number)),
            highest,
            np.log2(np.bincount(cols, minlength=number)),
            nearest,
            in_file > 0,
            np.log2(1 + in_file),
            likest,
            mean,
            facts[:, :4],
            np.log2(1 + lexicon.files(context.reader, new_words.numbers)) / largest,
            lexicon.mask(imported)[new_words.numbers],
            np.ones(number),
        ]
    )
