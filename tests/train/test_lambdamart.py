"""Trees as LightGBM grows them and as ONNX Runtime reads them: the same order; grades; a whole fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.errors import PackError
from repocomp.index.build import build
from repocomp.model.tree_ensemble import Floats, TreeEnsemble
from repocomp.retrieve.features import PIECE_FEATURES
from repocomp.retrieve.rank import trees
from tests.conftest import Repository
from tests.train.repositories import modules

onnx = pytest.importorskip("onnx")
lightgbm = pytest.importorskip("lightgbm")

from repocomp.train.ranker.lambdamart import Grades, grades_of, main  # noqa: E402
from repocomp.train.ranker.trees import export, float32_below  # noqa: E402


def grown(table: Floats, labels: Grades, groups: list[int], trees: int = 60) -> Any:
    options = {"objective": "lambdarank", "num_leaves": 15, "use_missing": False, "verbose": -1, "num_threads": 1}
    return lightgbm.train(options, lightgbm.Dataset(table, labels, group=groups), trees)


@pytest.mark.parametrize("seed", range(3))
def test_the_exported_trees_give_the_same_top_ten(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(2000, 12)).astype(np.float32).astype(np.float64)
    # Values that stand on a threshold are where float32 and float64 could part.
    table[:, 3] = np.round(table[:, 3], 1).astype(np.float32)
    labels = np.clip(np.round(2 + table[:, 0] + table[:, 3] * table[:, 5]), 0, 4).astype(np.int64)
    booster = grown(table, labels, [50] * 40)
    path = tmp_path / "ranker.onnx"
    path.write_bytes(export(booster.dump_model()).SerializeToString())
    forest = TreeEnsemble.open(path)
    assert forest.features == 12
    fresh = rng.normal(size=(40, 50, 12)).astype(np.float32).astype(np.float64)
    fresh[:, :, 3] = np.round(fresh[:, :, 3], 1).astype(np.float32)
    for rows in fresh:
        expected, found = booster.predict(rows), forest.scores(rows)
        assert found == pytest.approx(expected, abs=1e-5)
        assert np.argsort(-np.round(found, 5), kind="stable")[:10].tolist() == (
            np.argsort(-np.round(expected, 5), kind="stable")[:10].tolist()
        )


@given(st.floats(-1e30, 1e30))
def test_a_threshold_becomes_the_largest_float32_below(threshold: float) -> None:
    found = float32_below(threshold)
    assert float(np.float32(found)) == found <= threshold < float(np.nextafter(np.float32(found), np.float32(np.inf)))


def test_trees_with_missing_values_are_refused(tmp_path: Path) -> None:
    leaf = {"leaf_value": 1.0}
    split = {"split_feature": 0, "threshold": 0.5, "left_child": leaf, "right_child": leaf}
    for odd in ({"decision_type": "==", "missing_type": "None"}, {"decision_type": "<=", "missing_type": "NaN"}):
        with pytest.raises(ValueError, match="tree 0"):
            export({"feature_names": ["a"], "tree_info": [{"tree_structure": {**split, **odd}}]})


def test_a_file_that_is_no_forest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ranker.onnx").write_bytes(b"no trees")
    with pytest.raises(PackError, match="ranker"):
        TreeEnsemble.open(tmp_path / "ranker.onnx")


def test_the_best_piece_gets_the_highest_grade() -> None:
    assert grades_of(np.array([0.0, 0.2, 0.1, -1.0])).tolist() == [0, 15, 8, 0]
    assert grades_of(np.zeros(3)).tolist() == [0, 0, 0]


def test_trees_are_fitted_on_indexed_work_trees(repository: Repository, tmp_path: Path) -> None:
    root = repository(modules("alpha", 4))
    build(root)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        main([str(tmp_path / name), str(root), "--holes", "30", "--likelihood", "1"])
    files = [[path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in ("first", "second")]
    assert files[0] == files[1]
    assert max(map(len, files[0])) <= 200_000
    ranker = trees(tmp_path / "first")
    assert ranker.relevance(np.zeros((3, len(PIECE_FEATURES)))).shape == (3,)
