"""Rows of tokens, made once and read in order: 16-bit ids on disk, full to the last place.

A row holds one fill-in-the-middle example and, where that is shorter, plain code of the same repository after it; or
plain code alone. The token after `<decide>` is not learnt here.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from repocomp.errors import TrainError
from repocomp.train.corpus import read_split
from repocomp.train.examples import Encode, Example, Neighbourhood, encoder, fill_in, plain
from repocomp.train.lm import IGNORED
from repocomp.train.recipe import Mixture, Recipe

_JOB_ROWS = 100
_VALIDATION_SHARE = 0.01
_LEAST_FILES = 5
_WEIGHED_BYTES = 1_600_000
_OTHER_LANGUAGES = 0.8
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows [N, T + 1] of ids, and which of the T targets of each are learnt."""

    ids: npt.NDArray[np.uint16]
    learnt: npt.NDArray[np.uint8]

    @classmethod
    def open(cls, data: Path, split: str, tokens: int) -> Rows:
        """Map the rows of `tokens` tokens of a split. Raises TrainError when they were not made."""
        try:
            parts = (np.load(_path(data, split, tokens, part), mmap_mode="r") for part in ("ids", "learnt"))
            return cls(*parts)
        except OSError as error:
            raise TrainError(f"{data}: has no {split} rows of {tokens} tokens", "repocomp train data") from error

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, at: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets [size, T] from row `at` on, starting over at the end."""
        chosen = np.arange(at, at + size) % len(self.ids)
        ids = torch.from_numpy(self.ids[chosen].astype(np.int64))
        targets = ids[:, 1:].clone()
        targets[torch.from_numpy(self.learnt[chosen]) == 0] = IGNORED
        return ids[:, :-1].contiguous(), targets


@dataclass(frozen=True, slots=True)
class _Job:
    """Rows to make of one repository; picklable, for a worker process."""

    files: list[tuple[str, str]]
    tokens: int
    rows: int
    tokenizer: str
    mixture: Mixture
    seed: int


def make_rows(
    corpus: Path,
    tokenizer: Path,
    out: Path,
    recipe: Recipe,
    *,
    workers: int,
    progress: Callable[[str, int, int], None] | None = None,
) -> None:
    """Write the rows of every phase of `recipe`, for training and for validation."""
    out.mkdir(parents=True, exist_ok=True)
    for phase in recipe.phases:
        for split in ("train", "validation"):
            total = phase.rows if split == "train" else max(phase.batch, int(phase.rows * _VALIDATION_SHARE))
            jobs = _jobs(corpus, str(tokenizer), split, phase.tokens, total, recipe)
            made = []
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                for done, part in enumerate(pool.map(make, jobs), 1):
                    made.append(part)
                    if progress is not None:
                        progress(f"{split} rows of {phase.tokens}", done, len(jobs))
            order = np.random.default_rng(recipe.seed).permutation(sum(len(ids) for ids, _ in made))
            for name, column in zip(("ids", "learnt"), zip(*made, strict=True), strict=True):
                np.save(_path(out, split, phase.tokens, name), np.concatenate(column)[order])


def make(job: _Job) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Make the rows of one job; runs in a worker."""
    rng = random.Random(job.seed)
    hood = Neighbourhood(job.files)
    encode = encoder(job.tokenizer)
    rows = [_row(hood, job.tokens + 1, encode, job.mixture, rng) for _ in range(job.rows)]
    ids = np.array([row.ids for row in rows], dtype=np.uint16)
    learnt = np.ones((len(rows), job.tokens), dtype=np.uint8)
    for at, row in enumerate(rows):
        if row.decide is not None:
            learnt[at, row.decide] = 0
    return ids, learnt


def _row(hood: Neighbourhood, size: int, encode: Encode, mixture: Mixture, rng: random.Random) -> Example:
    example = None
    for _ in range(_TRIES if rng.random() < mixture.fim else 0):
        example = fill_in(hood, rng.randrange(len(hood.files)), size - 1, encode, mixture, rng)
        if example is not None:
            break
    if example is None:
        return plain(hood, size, encode, rng)
    if len(example.ids) >= size:
        return Example(example.ids[:size], example.decide)
    return Example(example.ids + plain(hood, size - len(example.ids), encode, rng).ids, example.decide)


def _jobs(corpus: Path, tokenizer: str, split: str, tokens: int, total: int, recipe: Recipe) -> list[_Job]:
    """Share `total` rows among the repositories by their bytes, Python before other languages."""
    repositories = [(name, files) for name, files in read_split(corpus, split) if len(files) >= _LEAST_FILES]
    weights = np.array([_weight(files) for _, files in repositories])
    if not len(weights):
        raise TrainError(f"{corpus}: has no {split} repositories of {_LEAST_FILES} files", "add repositories")
    jobs = []
    for (name, files), share in zip(repositories, weights / weights.sum() * total, strict=True):
        rows = max(1, int(share))
        for start in range(0, rows, _JOB_ROWS):
            seed = zlib.crc32(f"{recipe.seed} {name} {tokens} {start}".encode())
            jobs.append(_Job(files, tokens, min(_JOB_ROWS, rows - start), tokenizer, recipe.mixture, seed))
    random.Random(recipe.seed).shuffle(jobs)
    return jobs


def _weight(files: list[tuple[str, str]]) -> float:
    python = sum(path.endswith(".py") for path, _ in files) > len(files) / 2
    return min(sum(len(text) for _, text in files), _WEIGHED_BYTES) * (1.0 if python else _OTHER_LANGUAGES)


def _path(folder: Path, split: str, tokens: int, part: str) -> Path:
    return folder / f"{split}-{tokens}-{part}.npy"
