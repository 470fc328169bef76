"""Rows on disk and as a run reads them: whole, in order, over and over, and from wherever it stopped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from repocomp.errors import TrainError
from repocomp.model.families import FimTokens
from repocomp.train.corpus import rows as rows_module
from repocomp.train.corpus.collect import collect
from repocomp.train.corpus.rows import make_rows, read_shard, shards
from repocomp.train.lm.batches import Rows, as_batch
from repocomp.train.lm.network import IGNORED
from repocomp.train.recipe import Recipe, load_recipe
from repocomp.train.stages import learn_tokenizer
from tests.train.repositories import RECIPE, make_repository, modules

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and a tokenizer."""
    work = tmp_path_factory.mktemp("rows")
    (work / "toy.toml").write_text(RECIPE)
    for name in ("one", "two", "validation"):
        make_repository(work / "repositories", f"acme/{name}", modules(name))
    collect(work / "repositories", work / "corpus", toy(work))
    learn_tokenizer(work / "corpus", work / "tokenizer.json", toy(work))
    return work


def toy(work: Path) -> Recipe:
    return load_recipe(str(work / "toy.toml"))


def make(work: Path, out: Path) -> None:
    make_rows(work / "corpus", work / "tokenizer.json", out, toy(work), workers=1)


def numbered(folder: Path, *sizes: int, first: int = 0) -> None:
    """Shards whose rows hold their own number."""
    folder.mkdir(exist_ok=True)
    start = 0
    for number, size in enumerate(sizes):
        if number >= first:
            write_shard(folder / f"train-4-{number:04d}.npy.xz", np.arange(start, start + size))
        start += size


def write_shard(path: Path, numbers: np.ndarray) -> None:
    import lzma

    with lzma.open(path.with_suffix(".tmp"), "wb") as stream:
        np.save(stream, np.repeat(numbers[:, None], 5, axis=1).astype(np.uint16))
    os.replace(path.with_suffix(".tmp"), path)


def read(rows: Rows, size: int) -> list[int]:
    return rows.batch(size)[0][:, 0].tolist()


def test_rows_are_full_shuffled_and_made_once_more_the_same(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "_SHARD_TOKENS", 20 * 160)
    make(work, tmp_path / "a")
    found = shards(tmp_path / "a", "train", 160)
    assert [len(read_shard(shard)) for shard in found] == [20, 20, 20]
    assert read_shard(found[0]).shape == (20, 161)
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert all(name.endswith(".npy.xz") for name in first)
    make(work, tmp_path / "a")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == first


def test_a_second_start_keeps_what_was_made(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    plain = rows_module._row

    def counted(*arguments: object) -> list[int]:
        made.append(1)
        if len(made) == 70:
            raise KeyboardInterrupt
        return plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rows_module, "_row", counted)
    with pytest.raises(KeyboardInterrupt):
        make(work, tmp_path)
    make(work, tmp_path)
    # 60 + 20 rows to train on, 4 + 2 to validate; of those made before the stop, one repository's were not done.
    assert 86 < len(made) < 86 + 40
    assert len(read_shard(shards(tmp_path, "train", 160)[0])) == 60


def test_the_decision_is_not_learnt_and_all_else_is(work: Path, tmp_path: Path) -> None:
    make(work, tmp_path)
    inputs, targets = as_batch(read_shard(shards(tmp_path, "train", 160)[0]))
    decided = inputs == FimTokens().decide
    assert decided.any()
    assert (targets[decided] == IGNORED).all()
    assert (targets[:, :-1][~decided[:, :-1]] == inputs[:, 1:][~decided[:, :-1]]).all()


def test_rows_are_read_in_order_across_shards_and_again(tmp_path: Path) -> None:
    numbered(tmp_path, 5, 3)
    rows = Rows(tmp_path, "train", 4)
    assert read(rows, 4) == [0, 1, 2, 3]
    assert read(rows, 6) == [4, 5, 6, 7, 0, 1]
    again = Rows(tmp_path, "train", 4, rows.place)
    assert read(rows, 12) == read(again, 12)


def test_a_shard_that_arrives_is_read_before_the_first_comes_again(tmp_path: Path) -> None:
    numbered(tmp_path, 6)
    rows = Rows(tmp_path, "train", 4)
    assert read(rows, 2) == [0, 1]
    numbered(tmp_path, 6, 2, first=1)
    assert read(rows, 8) == [2, 3, 4, 5, 6, 7, 0, 1]


def test_missing_and_damaged_shards_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="has no train rows of 4 tokens"):
        Rows(tmp_path, "train", 4)
    numbered(tmp_path, 9)
    (shard,) = shards(tmp_path, "train", 4)
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(TrainError, match=r"0000.npy.xz: cannot be read"):
        Rows(tmp_path, "train", 4)
