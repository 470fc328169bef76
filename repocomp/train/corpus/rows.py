"""Making the rows of tokens that a run reads: shuffled shards on disk, full to the last place.

A row holds examples of one repository, one after the other: fill-in-the-middle examples, and plain code. Rows lie in
shards, each a compressed array of 16-bit ids [rows, T + 1] in random order, small enough to be carried about; any tool
that knows xz and numpy reads them. Repositories that are done are found again when making them was cut short.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import random
import shutil
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from repocomp.errors import TrainError
from repocomp.named_files import read_regular
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.train.corpus.collect import MANIFEST, read_repository, repositories_of
from repocomp.train.corpus.examples import Encode, Neighbourhood, encoder, fill_in, plain
from repocomp.train.recipe import Mixture, Recipe
from repocomp.worker_pool import WorkerPool

Ids = npt.NDArray[np.uint16]

SHARD = "{split}-{tokens}-{number:04d}.npy.xz"
_SHARD_TOKENS = 16_000_000
"""Of one shard: 32 MB, which xz makes 8 to 12 of."""
_VALIDATION_SHARE = 0.01
_LEAST_FILES = 5
_MOST_SHARE = 0.75
"""Of the bytes read of a repository: more than that gives it no more rows, so that large ones do not dominate."""
_OTHER_LANGUAGES = 0.8
_TRIES = 20
_LEAST_ROOM = 128
_HALVED_ROOM = 1024


@dataclass(frozen=True, slots=True)
class _Share:
    """The rows of one length that one repository gives, and the file they wait in."""

    tokens: int
    rows: int
    out: Path


@dataclass(frozen=True, slots=True)
class _Job:
    """One repository's rows of all lengths; picklable, for a worker process."""

    source: Path
    shares: tuple[_Share, ...]
    tokenizer: str
    mixture: Mixture
    seed: int

    @property
    def rows(self) -> int:
        return sum(share.rows for share in self.shares)


def make_rows(
    corpus: Path,
    tokenizer: Path,
    out: Path,
    recipe: Recipe,
    *,
    workers: int,
    progress: OnProgress = ignore,
) -> None:
    """Write the shards of every phase of `recipe`, for training and for validation.

    Raises TrainError when the corpus has no repository of a split that is large enough.
    """
    spool = out / f"spool-{_identity(corpus, tokenizer, recipe)}"
    spool.mkdir(parents=True, exist_ok=True)
    jobs = [job for split in ("train", "validation") for job in _jobs(corpus, tokenizer, split, recipe, spool)]
    # The longest first, so that no worker ends long after the others.
    jobs.sort(key=lambda job: -job.rows)
    total, done = sum(job.rows for job in jobs), 0
    pool = WorkerPool(workers) if workers > 1 else nullcontext()
    with pool as running:
        for rows in running.map(_make, jobs) if running is not None else map(_make, jobs):
            done += rows
            progress(Progress(done, total, "rows"))
    for phase in recipe.phases:
        for split in ("train", "validation"):
            _write_shards(spool, out, split, phase.tokens, recipe.seed, progress)
    shutil.rmtree(spool)


def shards(folder: Path, split: str, tokens: int) -> list[Path]:
    """The shards of a split and row length, in order. Raises TrainError when there are none."""
    found = sorted(folder.glob(f"{split}-{tokens}-*.npy.xz"))
    if not found:
        raise TrainError(
            f"{folder}: has no {split} rows of {tokens} tokens", "repocomp train data CORPUS TOKENIZER OUT"
        )
    return found


def read_shard(shard: Path) -> Ids:
    """Ids [rows, T + 1] of a shard, in memory. Raises TrainError when it is damaged."""
    try:
        # Whole, so that its check sum is looked at.
        ids: Ids = np.load(io.BytesIO(lzma.decompress(read_regular(shard))), allow_pickle=False)
    except (OSError, ValueError, EOFError, lzma.LZMAError) as error:
        raise TrainError(f"{shard}: cannot be read: {error}", "repocomp train data CORPUS TOKENIZER OUT") from error
    return ids


def _identity(corpus: Path, tokenizer: Path, recipe: Recipe) -> str:
    """Of everything that rows depend on: rows made of something else are not taken for these."""
    try:
        parts = (recipe.digest.encode(), read_regular(tokenizer), read_regular(corpus / MANIFEST))
    except OSError as error:
        raise TrainError(f"{error.filename}: {error.strerror}", "repocomp train --help") from error
    return hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()


def _jobs(corpus: Path, tokenizer: Path, split: str, recipe: Recipe, spool: Path) -> Iterator[_Job]:
    """Share the rows of a split among its repositories by their bytes, Python before other languages."""
    weights = {}
    for name, source in repositories_of(corpus, split):
        files = read_repository(source)
        if len(files) >= _LEAST_FILES:
            weights[name, source] = _weight(files, _MOST_SHARE * recipe.bytes_each)
    if not weights:
        raise TrainError(f"{corpus}: has no {split} repositories of {_LEAST_FILES} files", "add repositories")
    for (name, source), weight in weights.items():
        share = weight / sum(weights.values())
        shares = []
        for phase in recipe.phases:
            total = phase.rows if split == "train" else max(phase.batch, int(phase.rows * _VALIDATION_SHARE))
            file = spool / f"{split}-{phase.tokens}-{source.stem}.npy"
            shares.append(_Share(phase.tokens, max(1, int(share * total)), file))
        seed = zlib.crc32(f"{recipe.seed} {name}".encode())
        yield _Job(source, tuple(shares), str(tokenizer), recipe.mixture, seed)


def _weight(files: list[tuple[str, str]], most: float) -> float:
    python = sum(path.endswith(".py") for path, _ in files) > len(files) / 2
    return min(sum(len(text) for _, text in files), most) * (1.0 if python else _OTHER_LANGUAGES)


def _make(job: _Job) -> int:
    """Write what is missing of a repository's rows; runs in a worker. Returns how many rows it has."""
    missing = [share for share in job.shares if not share.out.exists()]
    if missing:
        hood, encode = Neighbourhood(read_repository(job.source)), encoder(job.tokenizer)
        for share in missing:
            rng = random.Random(job.seed + share.tokens)
            rows = [_row(hood, share.tokens + 1, encode, job.mixture, rng) for _ in range(share.rows)]
            temporary = share.out.with_suffix(".tmp")
            with temporary.open("wb") as stream:
                np.save(stream, np.array(rows, dtype=np.uint16))
            os.replace(temporary, share.out)
    return job.rows


def _row(hood: Neighbourhood, size: int, encode: Encode, mixture: Mixture, rng: random.Random) -> list[int]:
    """`size` tokens: examples, the last of them cut where it does not fit."""
    ids: list[int] = []
    while (room := size - len(ids)) > 0:
        if room >= _HALVED_ROOM and rng.random() < 0.5:
            room //= 2
        ids += _example(hood, room, encode, mixture, rng)
    return ids


def _example(hood: Neighbourhood, room: int, encode: Encode, mixture: Mixture, rng: random.Random) -> list[int]:
    if room >= _LEAST_ROOM and rng.random() < mixture.fim:
        for _ in range(_TRIES):
            ids = fill_in(hood, rng.randrange(len(hood.files)), room, encode, mixture, rng)
            if ids is not None:
                return ids
    return plain(hood, room, encode, rng)


def _write_shards(spool: Path, out: Path, split: str, tokens: int, seed: int, progress: OnProgress) -> None:
    """Shuffle the rows of all repositories into shards, in place of older ones."""
    parts = [np.load(file, mmap_mode="r") for file in sorted(spool.glob(f"{split}-{tokens}-*.npy"))]
    places = np.array([(part, row) for part, rows in enumerate(parts) for row in range(len(rows))])
    places = places[np.random.default_rng(seed).permutation(len(places))]
    number, each = 0, max(1, _SHARD_TOKENS // tokens)
    for number, start in enumerate(range(0, len(places), each)):
        ids = np.stack([parts[part][row] for part, row in places[start : start + each]])
        shard = out / SHARD.format(split=split, tokens=tokens, number=number)
        temporary = shard.with_suffix(".tmp")
        with lzma.open(temporary, "wb", preset=6) as stream:
            np.save(stream, ids)
        os.replace(temporary, shard)
        progress(Progress(min(start + each, len(places)), len(places), f"{split} shards of {tokens} tokens"))
    for old in shards(out, split, tokens)[number + 1 :]:
        old.unlink()
