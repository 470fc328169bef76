"""The stages that make a pack of a base model, one call each; single commands and the whole path both run them."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from repocomp.errors import TrainError
from repocomp.executor.workers import HERE, Workers
from repocomp.generate.local.generator import load
from repocomp.model.families import FimTokens
from repocomp.model.graph.decoder import Precision
from repocomp.model.library import load_pack, revise, write_pack
from repocomp.model.pack import ENCODER
from repocomp.model.tokenizer import Tokenizer
from repocomp.progress import OnProgress, Progress
from repocomp.train.corpus.collect import read_repository, read_split, repositories_of
from repocomp.train.corpus.tokenizer import train_tokenizer
from repocomp.train.encoder.graph import build_encoder, embedding_of
from repocomp.train.encoder.questions import Lesson, lesson_of
from repocomp.train.encoder.training import Network, Settings, found, start_from, train, weigh_by_rarity
from repocomp.train.export.card import encoder_section, write_card
from repocomp.train.export.pack import Report, check, export_pack
from repocomp.train.lm.calibrate import COPIED_WORTH, READ_WORTH, calibrate
from repocomp.train.lm.checkpoint import load_model, load_weights, save_model
from repocomp.train.lm.label import label, read
from repocomp.train.lm.mix import choose_mixture
from repocomp.train.lm.network import model_with
from repocomp.train.lm.tune import TuneSettings, tune
from repocomp.train.recipe import Recipe
from repocomp.train.repository import Repository

Clock = Callable[[], float]

_CHECKED_TOKENS = 512


def learn_tokenizer(corpus: Path, out: Path, recipe: Recipe) -> None:
    """Write the vocabulary `out` of the training split."""
    files = (file for _, files in read_split(corpus, "train") for file in files)
    train_tokenizer(files, recipe.shape.vocab_size, out, recipe.seed)


def label_split(
    corpus: Path,
    pack: str,
    out: Path,
    *,
    split: str,
    holes: int,
    seed: int,
    show: OnProgress,
    workers: Workers = HERE,
    seconds: float | None = None,
    clock: Clock = time.monotonic,
) -> int:
    """Label `holes` places of each repository of a split, stopping after `seconds`; returns how many there are."""
    end = None if seconds is None else clock() + seconds
    repositories = list(_repositories(corpus, split))
    # In any order but by name, so that a run cut short has seen all kinds.
    random.Random(seed).shuffle(repositories)
    with workers.executor() as executor:
        return label(
            repositories,
            pack,
            out,
            holes_each=holes,
            seed=seed,
            executor=executor,
            progress=show,
            expired=lambda: end is not None and clock() > end,
        )


def tune_checkpoint(
    checkpoint: Path,
    labels: Path,
    out: Path,
    settings: TuneSettings,
    *,
    show: OnProgress,
    seconds: float | None = None,
    clock: Clock = time.monotonic,
) -> int:
    """Tune the model of `checkpoint` on `labels` within `seconds` and write `out`; returns the number of examples."""
    examples = read(labels)
    if not examples:
        raise TrainError(f"{labels}: holds no examples", "label for longer")
    started = clock()
    model = load_model(checkpoint)
    tune(
        model,
        examples,
        FimTokens(),
        settings,
        progress=show,
        elapsed=None if seconds is None else lambda: (clock() - started) / seconds,
    )
    save_model(model, out)
    return len(examples)


def carry_tuning(base: Path, tuned: Path, newer: Path, out: Path) -> None:
    """Write `out`: the checkpoint `newer` with all that tuning changed between `base` and `tuned` added to it.

    Task arithmetic (Ilharco et al. 2023). A base that was trained on need not forget what was tuned, as long as both
    come of the same first weights. Raises TrainError where they are of other shapes.
    """
    (before, shape), *others = (load_weights(one) for one in (base, tuned, newer))
    for checkpoint, (_, other) in zip((tuned, newer), others, strict=True):
        if other != shape:
            raise TrainError(f"{checkpoint}: is a model of another shape", "repocomp train tune CHECKPOINT LABELS OUT")
    after, fresh = (weights for weights, _ in others)
    save_model(model_with({name: fresh[name] + after[name] - before[name] for name in fresh}, shape), out)


def export_checkpoint(
    checkpoint: Path, tokenizer: Path, out: Path, recipe: Recipe, *, name: str, version: str, precision: Precision
) -> Report:
    """Write the pack `out` of a checkpoint; returns how the two compare."""
    weights, shape = load_weights(checkpoint)
    pack = export_pack(
        weights, shape, tokenizer, out, name=name, version=version, precision=precision, budgets=recipe.budgets
    )
    ids = Tokenizer.load(pack).encode(Path(__file__).read_text(encoding="utf-8"))
    return check(weights, pack, ids[: min(_CHECKED_TOKENS, shape.max_context // 2)])


def mix_pack(corpus: Path, pack: str, holes: int, show: OnProgress, *, may_copy: bool = True) -> dict[str, Any]:
    """Fit how far `pack` trusts repeated text on the validation split, and write it into the pack.

    What is retrieved is read only where that brings more than copying from it, which takes no time: else, if it
    `may_copy`, the pack's budget for it becomes nothing.
    """
    loaded = load(pack)
    repositories = list(_repositories(corpus, "validation"))
    budgets = loaded.pack.budgets
    ways = {"copied": replace(budgets, cross_file=0), "read": budgets} if may_copy else {"read": budgets}
    mixed = {
        way: choose_mixture(repositories, replace(loaded, pack=replace(loaded.pack, budgets=budget)), holes, show)
        for way, budget in ways.items()
    }
    best = max(mixed, key=lambda way: mixed[way].similarity)
    revise(replace(loaded.pack, budgets=ways[best], cache=mixed[best].mixture))
    bits = {"alone": mixed[best].fit.bits_alone, "mixed": mixed[best].fit.bits_mixed}
    trust = {way: one.trust for way, one in mixed.items()}
    mixture, tokens = mixed[best].mixture, mixed[best].fit.tokens
    return {"mixture": asdict(mixture), "tokens": tokens, "bits": bits, "trust": trust, "way": best}


def calibrate_pack(pack: str, labels: Path, corpus: Path, notes: str) -> dict[str, Any]:
    """Fit probabilities and thresholds of `pack` to validation labels, and write them and the model card."""
    opened = load_pack(pack)
    fits = calibrate(read(labels), READ_WORTH if opened.is_reader else COPIED_WORTH)
    quality = {mode: asdict(fit) for mode, fit in fits.items()}
    encoder = encoder_section(opened)
    revised = replace(
        opened,
        calibration={mode: fit.calibration for mode, fit in fits.items()},
        thresholds={mode: fit.threshold for mode, fit in fits.items()},
        quality=quality,
    )
    revise(revised)
    write_card(revised, corpus, fits, notes, encoder)
    return quality


def train_encoder(
    corpus: Path, pack: str, out: Path, *, seconds: float, show: OnProgress, clock: Clock = time.monotonic
) -> dict[str, Any]:
    """Write `out`: `pack` with an encoder trained on the corpus for so many `seconds` (reading it comes on top)."""
    source, settings = load_pack(pack), Settings()
    tokenizer = Tokenizer.load(source)
    lessons = list(_lessons(corpus, "train", tokenizer, settings.seed, show))
    network = Network(tokenizer.vocab_size, settings)
    start_from(network, embedding_of(source.model_path))
    weigh_by_rarity(network, lessons)
    started = clock()
    steps = train(network, lessons, settings, lambda: (clock() - started) / seconds, show)
    graph = build_encoder(network.arrays(), source.tokens.pad).SerializeToString(deterministic=True)
    files = {name: (source.folder / name).read_bytes() for name in source.digests}
    write_pack(replace(source, folder=out), {**files, ENCODER: graph})
    dense, sparse = found(network, list(_lessons(corpus, "validation", tokenizer, settings.seed, show)))
    return {"steps": steps, "bytes": len(graph), "dense": dense, "sparse": sparse}


def _lessons(corpus: Path, split: str, tokenizer: Tokenizer, seed: int, show: OnProgress) -> Iterator[Lesson]:
    homes = list(repositories_of(corpus, split))
    for at, (_, home) in enumerate(homes):
        lesson = lesson_of(read_repository(home), tokenizer, np.random.default_rng([seed, at]))
        if lesson is not None:
            yield lesson
        show(Progress(at + 1, len(homes), "asking"))


def _repositories(corpus: Path, split: str) -> Iterator[Repository]:
    return itertools.starmap(Repository.of_corpus, repositories_of(corpus, split))
