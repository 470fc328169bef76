"""Fit trees that order pieces of what the arms draw: LambdaMART (Burges 2010) across repositories, as ONNX.

`python -m repocomp.train.ranker.lambdamart repocomp/retrieve TREE...`, the trees indexed. A piece's grade is its share
of the unseen identifiers for its length, of 15 grades within a hole; where `--likelihood` asks for it, its share of
what the generator gains from the best piece instead. The features are those of the linear model; that of words is
fitted anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from repocomp.evaluate.likelihood import Target, logprob
from repocomp.generate.local.generator import LocalGenerator, load
from repocomp.git_edits import revision
from repocomp.retrieve.features import PIECE_FEATURES, WORD_FEATURES
from repocomp.retrieve.lexicon import Floats
from repocomp.train.ranker.linear import Drawn, fit_words, gather, word_rows
from repocomp.train.ranker.trees import export

if TYPE_CHECKING:
    from lightgbm import Booster

TREES, LEAVES = 150, 15
_GRADES = 15
_RATE, _LEAST_ROWS, _DEPTH = 0.05, 50, 20
_HOLES = 300
_WORTH_ASKING = 12
"""Pieces of a hole that the generator is asked about: those with the most of the unseen identifiers."""

Grades = npt.NDArray[np.int64]


def fit(drawn: Sequence[Drawn], labels: Sequence[Floats], seed: int = 0) -> Booster:
    """Trees that bring the pieces with high `labels` to the top of their hole. The same input gives the same trees."""
    import lightgbm

    # Trained on what they will read: float32.
    table = np.concatenate([one.features for one in drawn]).astype(np.float32).astype(np.float64)
    grades = np.concatenate([grades_of(own) for own in labels])
    rows = lightgbm.Dataset(table, grades, group=[len(own) for own in labels], feature_name=list(PIECE_FEATURES))
    options = {
        "objective": "lambdarank",
        "num_leaves": LEAVES,
        "learning_rate": _RATE,
        "min_data_in_leaf": min(_LEAST_ROWS, max(1, len(table) // 20)),
        "lambdarank_truncation_level": _DEPTH,
        "label_gain": list(range(_GRADES + 1)),
        "use_missing": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": seed,
        "verbose": -1,
    }
    return lightgbm.train(options, rows, TREES)


def grades_of(labels: Floats) -> Grades:
    """Labels [n] of one hole as 0.._GRADES, the best one the highest."""
    return np.round(_GRADES * np.maximum(0, labels) / max(float(labels.max(initial=0.0)), 1e-12)).astype(np.int64)


def likelihood_labels(drawn: Drawn, loaded: LocalGenerator) -> Floats | None:
    """What each piece alone gains, in nats per token, for its length; None where nothing helps.

    Pieces that show none of the unseen identifiers are taken to gain nothing.
    """
    target = Target.of(drawn.hole, loaded)
    if not target.middle:
        return None
    without = logprob(target, (), loaded)
    gains = np.zeros(len(drawn.pieces))
    for at in np.argsort(-drawn.labels, kind="stable")[:_WORTH_ASKING].tolist():
        if drawn.labels[at] > 0:
            gains[at] = max(0.0, logprob(target, [drawn.pieces.hits[at].scored(0.0)], loaded) - without)
    length = np.array([len(hit.text) for hit in drawn.pieces.hits])
    return gains / np.sqrt(length) if gains.any() else None


def write(folder: Path, booster: Booster, word: Floats, facts: Mapping[str, object]) -> None:
    """Write `ranker.onnx` and `trees.json`, as `repocomp.retrieve.rank.trees` reads them."""
    (folder / "ranker.onnx").write_bytes(export(booster.dump_model()).SerializeToString())
    weights = dict(zip(WORD_FEATURES, np.round(word, 4).tolist(), strict=True))
    content = {**facts, "features": PIECE_FEATURES, "word": weights}
    (folder / "trees.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Carry out a command line. Raises StoreError for a tree without an index."""
    parser = argparse.ArgumentParser(prog="python -m repocomp.train.ranker.lambdamart")
    parser.add_argument("out", type=Path)
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--holes", type=int, default=_HOLES)
    parser.add_argument("--likelihood", type=int, default=0, metavar="HOLES")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    roots = [Path(os.path.realpath(tree)) for tree in asked.trees]
    loaded = load("default")
    drawn = gather(roots, loaded, asked.holes, asked.seed)
    labels = [one.labels for one in drawn]
    for at in np.linspace(0, len(drawn), asked.likelihood, endpoint=False, dtype=int).tolist():
        gains = likelihood_labels(drawn[at], loaded)
        labels[at] = labels[at] if gains is None else gains
    booster = fit(drawn, labels, asked.seed)
    rows = [word_rows(one, np.asarray(booster.predict(one.features.astype(np.float32)))) for one in drawn]
    word = fit_words(np.concatenate([table for table, _ in rows]), np.concatenate([needed for _, needed in rows]))
    facts = {"holes": len(drawn), "likelihood": asked.likelihood, "seed": asked.seed}
    write(asked.out, booster, word, {"trained_on": {tree.name: revision(tree) for tree in roots}, **facts})


if __name__ == "__main__":
    main(sys.argv[1:])
