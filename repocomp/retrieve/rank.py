"""The union of what the arms drew, in one order.

`fuse` is reciprocal rank fusion (Cormack et al. 2009): a hit's score is the sum of 1 / (60 + rank) over the arms that
drew it. `rank` is learned on other repositories: trees say how relevant each piece is, a linear model how
likely each word out of sight is to be written next, and pieces are taken greedily by the likely words that they add
for their length. What says the same twice adds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.errors import PackError
from repocomp.model.tree_ensemble import TreeEnsemble
from repocomp.retrieve.features import (
    PIECE_FEATURES,
    WORD_FEATURES,
    Pieces,
    RankContext,
    Words,
    fused_score,
    piece_matrix,
    pieces_of,
    word_matrix,
)
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.lexicon import Floats
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader

_COVERED = 0.5
"""Share of a hit's lines that a better hit may already show."""
_PATH_CHARS = 30
"""What a piece costs beside its text: the file token and the path."""
_RELEVANCE_POWER = 0.3
_SHIPPED = Path(__file__).parent
_GREEDY = 40
"""Pieces that are chosen one by one; the rest follow by relevance. No budget of ours holds more."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """How relevant pieces are, from their features [n, f] to scores [n] of which only differences count.

    `word` are the weights of the words' features under that relevance.
    """

    relevance: Callable[[Floats], Floats]
    word: Floats


@cache
def linear() -> Ranker:
    """The linear model in `ranker.json`, which says how it was made."""
    content = _content(_SHIPPED / "ranker.json")
    piece, word = (
        np.array([content[of][name] for name in names])
        for of, names in (("piece", PIECE_FEATURES), ("word", WORD_FEATURES))
    )
    return Ranker(lambda table: table @ piece, word)


def trees(folder: Path) -> Ranker:
    """The LambdaMART trees in `ranker.onnx` and `trees.json` of a folder (`repocomp.train.lambdamart`).

    Raises PackError where they cannot be read, or were made for other features.
    """
    forest = TreeEnsemble.open(folder / "ranker.onnx")
    try:
        content = _content(folder / "trees.json")
        word = np.array([content["word"][name] for name in WORD_FEATURES])
        if tuple(content["features"]) != PIECE_FEATURES or forest.features != len(PIECE_FEATURES):
            raise ValueError("its features are others")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackError(f"{folder}: holds no ranker of this version: {error}") from error
    return Ranker(forest.scores, word)


@cache
def chosen() -> Ranker:
    """The ranker that completions get: the shipped trees, and where they cannot be run the linear model.

    Trees found 2.5 points more of the unseen identifiers than the linear model on twelve repositories that neither was
    trained on (95 %: 1.1 .. 4.1, 957 holes); on six others the two were alike (-2.4 .. 3.8, 269 holes).
    """
    try:
        return trees(_SHIPPED)
    except PackError:
        return linear()


def _content(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def rank(
    reader: IndexReader, query: Query, drawn: Mapping[str, Sequence[Hit]], ranker: Ranker | None = None
) -> list[Hit]:
    """Pieces of all hits, best first, scored by the number of new names that each is expected to bring."""
    ranker = ranker or chosen()
    context = RankContext.of(reader, query)
    pieces = pieces_of(context, grouped(drawn))
    if not len(pieces):
        return []
    relevance = ranker.relevance(piece_matrix(context, pieces))
    new_words = Words.of(context, pieces)
    # A sum along each row: a matrix product may round by a row's place, and words stand in the order they were met.
    log_odds = (word_matrix(context, pieces, new_words, relevance) * ranker.word).sum(axis=1)
    likely = 1 / (1 + np.exp(-log_odds))
    return _greedy(pieces, relevance, new_words, likely)


def _greedy(pieces: Pieces, relevance: Floats, new_words: Words, likely: Floats) -> list[Hit]:
    """The pieces that add the most first. What one adds only shrinks, so only the best so far is looked at again."""
    left: list[float] = likely.tolist()
    cols, edges = new_words.cols.tolist(), np.searchsorted(new_words.rows, np.arange(len(pieces) + 1)).tolist()
    length = np.array([_PATH_CHARS + len(hit.text) for hit in pieces.hits])
    worth = (np.exp(_RELEVANCE_POWER * (relevance - relevance.max())) / length).tolist()
    gains = np.bincount(new_words.rows, likely[new_words.cols], minlength=len(pieces)).tolist()
    queue = [(-gain * worth[at], at) for at, gain in enumerate(gains) if gain]
    heapify(queue)
    chosen: dict[int, float] = {}
    while queue and len(chosen) < _GREEDY:
        _, at = queue[0]
        shown = cols[edges[at] : edges[at + 1]]
        gain = sum([left[word] for word in shown])
        if not gain:
            heappop(queue)
        elif heapreplace(queue, (-gain * worth[at], at)) and queue[0][1] == at:
            heappop(queue)
            chosen[at] = gain
            for word in shown:
                left[word] = 0.0
    first = [pieces.hits[at].scored(round(gain, 4)) for at, gain in chosen.items()]
    rest = (at for at in np.argsort(-relevance, kind="stable").tolist() if at not in chosen)
    return [*first, *(pieces.hits[at].scored(0.0) for at in rest)]


def grouped(drawn: Mapping[str, Sequence[Hit]]) -> list[tuple[Hit, dict[str, int]]]:
    """The places that were drawn, by fused rank: the hit that ranked highest there, and the best rank by arm."""
    groups: list[tuple[Hit, dict[str, int]]] = []
    by_content: dict[int, list[int]] = {}
    ranked = sorted(
        ((rank, hit) for hits in drawn.values() for rank, hit in enumerate(hits, 1)),
        key=lambda item: (item[0], item[1].arm, item[1].path, item[1].start_line),
    )
    for rank, hit in ranked:
        held = by_content.setdefault(hit.content_id, [])
        at = next((n for n in held if same_place(groups[n][0], hit)), None)
        if at is None:
            held.append(len(groups))
            groups.append((hit, {hit.arm: rank}))
        else:
            groups[at][1].setdefault(hit.arm, rank)
    return sorted(groups, key=lambda group: -fused_score(group[1]))


def fuse(drawn: Mapping[str, Sequence[Hit]]) -> list[Hit]:
    """All hits, best first, scored by fusion; a hit keeps the name of the arm that ranked it highest."""
    return without_copies([hit.scored(fused_score(ranks)) for hit, ranks in grouped(drawn)])


def same_place(a: Hit, b: Hit) -> bool:
    """Whether two hits show mostly the same lines of the same content."""
    if a.content_id != b.content_id:
        return False
    shared = min(a.end_line, b.end_line) - max(a.start_line, b.start_line) + 1
    return shared > _COVERED * min(a.end_line - a.start_line + 1, b.end_line - b.start_line + 1)


def without_copies(hits: Sequence[Hit]) -> list[Hit]:
    """`hits` without those whose text, white space folded, came before."""
    seen: set[str] = set()
    kept: list[Hit] = []
    for hit in hits:
        folded = " ".join(hit.text.split())
        if folded not in seen:
            seen.add(folded)
            kept.append(hit)
    return kept
