"""Fit the two linear models that rank what the arms draw, on holes in indexed work trees.

`python -m repocomp.train.ranker.linear TREE... > repocomp/retrieve/ranker.json`. A piece's label is the share of the
unseen identifiers that it shows, for its length; the model is fitted listwise (ListNet, Cao et al. 2007). A word's
label is whether the answer needs it; the model is a logistic regression.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repocomp.errors import StoreError
from repocomp.evaluate.holes import KINDS, Hole, sample, sources_of
from repocomp.evaluate.unseen import Place
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.git_edits import revision
from repocomp.policy.select import DRAWS
from repocomp.retrieve.features import (
    PIECE_FEATURES,
    WORD_FEATURES,
    Pieces,
    RankContext,
    Words,
    piece_matrix,
    pieces_of,
    word_matrix,
)
from repocomp.retrieve.lexicon import Floats
from repocomp.retrieve.rank import grouped
from repocomp.retrieve.retrieve import ARMS, DEFAULT_ARMS
from repocomp.store.index.reader import IndexReader

_HOLES = 60
_STEPS, _RATE, _RIDGE = 200, 0.05, 1e-3
_NEWTON_STEPS, _PRIOR = 12, 1.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for one hole: features [n, f] and labels [n] of its pieces; the rest is for the words."""

    hole: Hole
    context: RankContext
    unseen: frozenset[str]
    pieces: Pieces
    features: Floats
    labels: Floats


def fit(trees: Sequence[Path], holes: int = _HOLES, seed: int = 0) -> dict[str, object]:
    """The content of `ranker.json`. Raises StoreError for a tree without an index."""
    loaded = load("default")
    drawn = gather(trees, loaded, holes, seed)
    piece = fit_pieces(drawn)
    rows = [word_rows(one, one.features @ piece) for one in drawn]
    word = fit_words(np.concatenate([x for x, _ in rows]), np.concatenate([y for _, y in rows]))
    return {
        "trained_on": {tree.name: revision(tree) for tree in trees},
        "holes": len(rows),
        "seed": seed,
        "piece": dict(zip(PIECE_FEATURES, np.round(piece, 4).tolist(), strict=True)),
        "word": dict(zip(WORD_FEATURES, np.round(word, 4).tolist(), strict=True)),
    }


def gather(trees: Sequence[Path], loaded: LocalGenerator, holes: int, seed: int) -> list[Drawn]:
    """What the arms draw for so many holes of each tree, where anything helps. Raises StoreError without an index."""
    return [one for tree in trees for one in _draw(_open(tree), loaded, holes, seed)]


def _open(tree: Path) -> IndexReader:
    reader = IndexReader.open(tree)
    if reader is None:
        raise StoreError(f"{tree}: has no index", "repocomp index")
    return reader


def _draw(reader: IndexReader, loaded: LocalGenerator, holes: int, seed: int) -> Iterator[Drawn]:
    sources, defined = sources_of(reader)
    for hole in sample(sources, defined, KINDS, holes, np.random.default_rng(seed)):
        place = Place.of(hole, loaded)
        if not place.unseen:
            continue
        hits = {name: ARMS[name].draw(reader, place.query, DRAWS) for name in DEFAULT_ARMS}
        shown = {name: [hit for hit in some if not place.leaks(hit)] for name, some in hits.items()}
        context = RankContext.of(reader, place.query)
        pieces = pieces_of(context, grouped(shown))
        share = np.array([len(shown & place.unseen) / len(place.unseen) for shown in pieces.names(context.lexicon)])
        if share.any():
            length = np.array([len(hit.text) for hit in pieces.hits])
            yield Drawn(hole, context, place.unseen, pieces, piece_matrix(context, pieces), share / np.sqrt(length))


def word_rows(drawn: Drawn, relevance: Floats) -> tuple[Floats, Floats]:
    """Features of the new words of one hole under a relevance [n] of its pieces, and which of them the answer needs."""
    found = Words.of(drawn.context, drawn.pieces)
    table = word_matrix(drawn.context, drawn.pieces, found, relevance)
    names = found.names(drawn.context.lexicon)
    return table, np.array([name in drawn.unseen for name in names], dtype=np.float64)


def fit_pieces(drawn: Sequence[Drawn]) -> Floats:
    """Weights that bring the softmax of the scores near to the labels' shares, by Adam on standardised features."""
    deviation = np.concatenate([one.features for one in drawn]).std(axis=0)
    deviation[deviation == 0] = 1.0
    lists = [(one.features / deviation, one.labels / one.labels.sum()) for one in drawn]
    weights, mean, square = (np.zeros(len(deviation)) for _ in range(3))
    for step in range(1, _STEPS + 1):
        slope = _RIDGE * weights
        for table, share in lists:
            score = table @ weights
            chance = np.exp(score - score.max())
            slope = slope + table.T @ (chance / chance.sum() - share) / len(lists)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights = weights - _RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return np.asarray(weights / deviation, dtype=np.float64)


def fit_words(table: Floats, labels: Floats) -> Floats:
    """Logistic regression with a Gaussian prior, by Newton's method."""
    weights = np.zeros(table.shape[1])
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        curve = (table * (chance * (1 - chance))[:, None]).T @ table + _PRIOR * np.eye(len(weights))
        weights = weights + np.linalg.solve(curve, table.T @ (labels - chance) - _PRIOR * weights)
    return weights


if __name__ == "__main__":
    sys.stdout.write(json.dumps(fit([Path(os.path.realpath(name)) for name in sys.argv[1:]]), indent=1) + "\n")
