"""The learned order in plain Python, word by word: slow, and what the fast one must say too."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from repocomp.languages.table import keywords
from repocomp.retrieve.arms.near import near_contents, word_weights
from repocomp.retrieve.features import PIECE_FEATURES, RRF_K, fused_score
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.rank import Ranker, grouped
from repocomp.retrieve.resolve import bindings
from repocomp.store.index.reader import IndexReader
from repocomp.terms import parts, words

Floats = npt.NDArray[np.float64]

_PATH_CHARS = 30
_RELEVANCE_POWER = 0.3
_GREEDY = 40
PIECE_LINES = 6
_RANK_K = 8
_ARMS = ("jaccard", "bm25", "structured", "usage", "near")


@lru_cache(maxsize=50_000)
def _parts(word: str) -> tuple[str, ...]:
    return tuple(parts(word))


@dataclass(frozen=True, slots=True)
class RankContext:
    """What is known before anything is drawn: words near the cursor, their weight by rarity, how near contents are."""

    query: Query
    near_words: Mapping[str, float]
    weights: Mapping[str, float]
    nearness: Mapping[int, float]
    visible: frozenset[str]
    imported: frozenset[str]

    @classmethod
    def of(cls, reader: IndexReader, query: Query) -> RankContext:
        """Look around."""
        near = word_weights(query)
        frequency = reader.symbols.document_frequency(sorted(near))
        return cls(
            query,
            near,
            {name: near[name] / math.log2(2 + files) for name, files in frequency.items() if len(name) > 1},
            near_contents(reader, query),
            frozenset((*words(query.prefix), *words(query.suffix))),
            frozenset(binding.alias for binding in bindings(reader, query)),
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A few lines of a hit: `ranks` (from 1) by arm of the hits at its place, `part` its number in the best of them.

    `shown` are its words, `fresh` those that are names and not in sight.
    """

    hit: Hit
    ranks: Mapping[str, int]
    part: int
    shown: frozenset[str]
    fresh: frozenset[str]


def pieces_of(context: RankContext, groups: Sequence[tuple[Hit, Mapping[str, int]]]) -> list[Piece]:
    """Cut hits into runs of `PIECE_LINES`, a short rest left with the run before it; what says the same once."""
    known = context.visible | keywords(context.query.language)
    found: list[Piece] = []
    seen: set[str] = set()
    for hit, ranks in groups:
        for part, piece in enumerate(_cut(hit)):
            folded = " ".join(piece.text.split())
            if folded and folded not in seen:
                seen.add(folded)
                shown = frozenset(words(piece.text))
                fresh = frozenset(word for word in shown - known if len(word) > 1 and not word[0].isdigit())
                found.append(Piece(piece, ranks, part, shown, fresh))
    return found


def _cut(hit: Hit) -> list[Hit]:
    lines = hit.text.split("\n")
    if len(lines) != hit.end_line - hit.start_line + 1:
        # An outline: its lines are not those of one stretch.
        return [hit]
    edges = list(range(0, max(1, len(lines) - PIECE_LINES // 3), PIECE_LINES))
    return [
        replace(
            hit, text="\n".join(lines[start:end]), start_line=hit.start_line + start, end_line=hit.start_line + end - 1
        )
        for start, end in zip(edges, [*edges[1:], len(lines)], strict=True)
    ]


def piece_matrix(context: RankContext, pieces: Sequence[Piece]) -> Floats:
    """Features [n, len(PIECE_FEATURES)] of the pieces."""
    query = context.query
    asked = frozenset(words(query.last_lines(10)))
    total = sum(context.weights.values()) or 1.0
    folder, tested = query.path.rpartition("/")[0], "test" in query.path.lower()
    counts = Counter(word for piece in pieces for word in piece.shown - context.visible)
    rows = []
    shared = 0.0
    for piece in pieces:
        hit, ranks, shown = piece.hit, piece.ranks, piece.shown
        new = shown - context.visible
        before = shared if piece.part else 0.0
        common = [context.weights[word] for word in shown if word in context.weights]
        shared = sum(sorted(common)) / total
        rows.append(
            (
                *(_RANK_K / (_RANK_K + ranks[arm]) if arm in ranks else 0.0 for arm in _ARMS),
                len(ranks) / 3,
                RRF_K * fused_score(ranks) / 3,
                hit.path == query.path,
                hit.path.rpartition("/")[0] == folder,
                context.nearness.get(hit.content_id, 0.0),
                ("test" in hit.path.lower()) == tested,
                shared,
                max(common, default=0.0),
                before,
                len(shown & asked) / max(1, len(shown | asked)),
                len(new) / 20,
                math.log2(math.prod(counts[word] for word in new)) / 20,
                math.log2(1 + len(hit.text)) / 8,
                piece.part / 4,
            )
        )
    return np.array(rows, dtype=np.float64).reshape(-1, len(PIECE_FEATURES))


@dataclass(frozen=True, slots=True)
class Words:
    """The fresh words of the pieces in order; `holds` [pieces, words] says which piece shows which."""

    names: list[str]
    holds: Floats

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> Words:
        """Number the words."""
        numbers = {name: at for at, name in enumerate(sorted(frozenset().union(*(piece.fresh for piece in pieces))))}
        holds = np.zeros((len(pieces), len(numbers)))
        for row, piece in enumerate(pieces):
            holds[row, [numbers[name] for name in piece.fresh]] = 1.0
        return cls(list(numbers), holds)


def word_matrix(
    context: RankContext, reader: IndexReader, pieces: Sequence[Piece], found: Words, relevance: Floats
) -> Floats:
    """Features [w, len(WORD_FEATURES)] of the words, given the log-odds [n] of the pieces' relevance."""
    query = context.query
    best = relevance - relevance.max()
    share = np.exp(best) / np.exp(best).sum()
    holds = found.holds > 0
    near = np.array([context.nearness.get(piece.hit.content_id, 0.0) for piece in pieces])
    in_file = Counter(words(query.above))
    in_file.update(words(query.below))
    contents = reader.symbols.document_frequency(found.names)
    largest = math.log2(1 + max(2, reader.contents.count()))
    of_part: dict[str, float] = {}
    for word, weight in context.near_words.items():
        for part in _parts(word):
            of_part[part] = max(of_part.get(part, 0.0), weight)
    own = []
    for name in found.names:
        split = _parts(name)
        likeness = [of_part.get(part, 0.0) for part in split] or [0.0]
        own.append(
            (
                *(name in in_file, math.log2(1 + in_file[name]), max(likeness), sum(likeness) / len(likeness)),
                *(len(name) / 10, len(split) / 3, name[0].isupper(), "_" in name),
                *(math.log2(1 + contents.get(name, 0)) / largest, name in context.imported, 1.0),
            )
        )
    drawn = (
        np.log(share @ found.holds),
        np.where(holds, best[:, None], -np.inf).max(axis=0),
        np.log2(found.holds.sum(axis=0)),
        np.where(holds, near[:, None], 0.0).max(axis=0),
    )
    return np.column_stack([*drawn, np.array(own, dtype=np.float64)])


def rank(reader: IndexReader, query: Query, drawn: Mapping[str, Sequence[Hit]], ranker: Ranker) -> list[Hit]:
    """Pieces of all hits, best first, scored by the number of new names that each is expected to bring."""
    context = RankContext.of(reader, query)
    pieces = pieces_of(context, grouped(drawn))
    if not pieces:
        return []
    relevance = ranker.relevance(piece_matrix(context, pieces))
    found = Words.of(pieces)
    if not found.names:
        return [pieces[at].hit for at in np.argsort(-relevance, kind="stable")]
    likely = 1 / (1 + np.exp(-word_matrix(context, reader, pieces, found, relevance) @ ranker.word))
    return _greedy(pieces, relevance, found, likely)


def _greedy(pieces: Sequence[Piece], relevance: Floats, found: Words, likely: Floats) -> list[Hit]:
    left = likely.copy()
    length = np.array([_PATH_CHARS + len(piece.hit.text) for piece in pieces])
    worth = np.exp(_RELEVANCE_POWER * (relevance - relevance.max())) / length
    chosen: list[Hit] = []
    is_left = np.ones(len(pieces), dtype=np.bool_)
    while is_left.any() and len(chosen) < _GREEDY:
        gain = found.holds @ left
        at = int(np.argmax(np.where(is_left, gain * worth, -1.0)))
        if not gain[at]:
            break
        is_left[at] = False
        left[found.holds[at] > 0] = 0.0
        chosen.append(replace(pieces[at].hit, score=round(float(gain[at]), 4)))
    rest = [int(at) for at in np.argsort(-relevance, kind="stable") if is_left[at]]
    return [*chosen, *(replace(pieces[at].hit, score=0.0) for at in rest)]
