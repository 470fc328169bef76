"""The stages of `repocomp train` that make a pack of a base model: export, mixture, labels, tuning, calibration."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.cli.train_base import PATH, done, recipe_option

if TYPE_CHECKING:
    from repocomp.train.graph import Precision
    from repocomp.train.label import Repository

holes_option = click.option(
    "--holes", type=click.IntRange(min=1), default=60, show_default=True, metavar="N", help="Holes a repository."
)


@click.command()
@click.argument("corpus", type=PATH)
@click.argument("pack")
@click.argument("out", type=PATH)
@click.option(
    "--split", type=click.Choice(["train", "validation"]), default="train", show_default=True, help="Whose files."
)
@holes_option
@click.option("--minutes", type=float, metavar="M", help="Stop after this long; run again to go on.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Which holes.")
@output.json_option
def label(
    corpus: Path, pack: str, out: Path, split: str, holes: int, minutes: float | None, seed: int, as_json: bool
) -> int:
    """Let PACK answer holes with and without retrieval; OUT says where it helped."""
    from repocomp.train.corpus import read_split
    from repocomp.train.label import label as run

    end = None if minutes is None else time.monotonic() + 60 * minutes
    repositories = list(_repositories(read_split(corpus, split)))
    # In any order but by name, so that a run cut short has seen all kinds.
    random.Random(seed).shuffle(repositories)
    with progress.bar() as show:
        count = run(
            repositories,
            pack,
            out,
            holes_each=holes,
            seed=seed,
            progress=lambda name, examples: show(name, examples, holes * len(repositories)),
            expired=lambda: end is not None and time.monotonic() > end,
        )
    return done("label", {"examples": count}, as_json)


@click.command()
@click.argument("checkpoint", type=PATH)
@click.argument("labels", type=PATH)
@click.argument("out", type=PATH)
@click.option(
    "--epochs", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="Passes over the labels."
)
@click.option("--minutes", type=float, metavar="M", help="Decay to the end within this time.")
@output.json_option
def tune(checkpoint: Path, labels: Path, out: Path, epochs: int, minutes: float | None, as_json: bool) -> int:
    """Teach the model of CHECKPOINT to decide and to fill in, from LABELS; writes OUT."""
    from repocomp.model.families import FimTokens
    from repocomp.train.label import read
    from repocomp.train.pretrain import load_model, save_model
    from repocomp.train.tune import TuneSettings
    from repocomp.train.tune import tune as run

    started = time.monotonic()
    model = load_model(checkpoint)
    with progress.bar() as show:
        run(
            model,
            read(labels),
            FimTokens(),
            TuneSettings(epochs=epochs),
            progress=lambda now: show(
                f"decision {now.decision_loss:.3f}, middle {now.middle_loss:.3f}", int(1000 * now.done), 1000
            ),
            elapsed=None if minutes is None else lambda: (time.monotonic() - started) / (60 * minutes),
        )
    save_model(model, out)
    return done("tune", {"checkpoint": str(out)}, as_json)


@click.command()
@click.argument("checkpoint", type=PATH)
@click.argument("tokenizer", type=PATH)
@click.argument("out", type=PATH)
@click.option("--name", required=True, help="The pack's name.")
@click.option("--pack-version", default="0.1", show_default=True, metavar="V", help="The pack's version.")
@click.option(
    "--precision",
    type=click.Choice(["int8", "int4", "float32"]),
    default="int8",
    show_default=True,
    help="Of the weights.",
)
@recipe_option
@output.json_option
def export(
    checkpoint: Path,
    tokenizer: Path,
    out: Path,
    name: str,
    pack_version: str,
    precision: Precision,
    recipe: str,
    as_json: bool,
) -> int:
    """Write CHECKPOINT as the pack OUT, and compare the two numerically."""
    from repocomp.model.tokenizer import Tokenizer
    from repocomp.train.export import check, export_pack
    from repocomp.train.pretrain import load_weights
    from repocomp.train.recipe import load_recipe

    weights, shape = load_weights(checkpoint)
    budgets = load_recipe(recipe).budgets
    pack = export_pack(
        weights, shape, tokenizer, out, name=name, version=pack_version, precision=precision, budgets=budgets
    )
    ids = Tokenizer.load(pack).encode(Path(__file__).read_text(encoding="utf-8"))[: min(512, shape.max_context // 2)]
    report = check(weights, pack, ids)
    return done("export", {"pack": str(out), "kl": report.kl, "top1": report.top1}, as_json)


@click.command()
@click.argument("corpus", type=PATH)
@click.argument("pack")
@holes_option
@output.json_option
def mix(corpus: Path, pack: str, holes: int, as_json: bool) -> int:
    """Fit how far PACK trusts repeated text, on the validation split of CORPUS."""
    from repocomp.complete.parts import load
    from repocomp.train.corpus import read_split
    from repocomp.train.export import revise_pack
    from repocomp.train.mix import choose_trust, fit_weights, trusted

    loaded = load(pack)
    repositories = list(_repositories(read_split(corpus, "validation")))
    with progress.bar() as show:
        fit = fit_weights(repositories, loaded, holes, progress=show)
        scores = choose_trust(repositories, loaded, fit.weights, holes, progress=show)
    weights = trusted(fit.weights, max(scores, key=lambda trust: scores[trust]))
    revise_pack(loaded.pack, cache_weights=weights)
    bits = {"alone": fit.bits_alone, "mixed": fit.bits_mixed}
    return done("mix", {"weights": weights, "tokens": fit.tokens, "bits": bits, "trust": scores}, as_json)


@click.command()
@click.argument("pack")
@click.argument("labels", type=PATH)
@click.argument("corpus", type=PATH)
@click.option("--notes", default="", metavar="TEXT", help="What the model card should say first.")
@output.json_option
def calibrate(pack: str, labels: Path, corpus: Path, notes: str, as_json: bool) -> int:
    """Fit PACK's probabilities and thresholds to LABELS of the validation split; writes its model card."""
    from dataclasses import asdict

    from repocomp.model.pack import load_pack
    from repocomp.train.calibrate import calibrate as run
    from repocomp.train.card import write_card
    from repocomp.train.export import revise_pack
    from repocomp.train.label import read

    fits = run(read(labels))
    quality = {mode: asdict(fit) for mode, fit in fits.items()}
    revised = revise_pack(
        load_pack(pack),
        calibration={mode: fit.calibration for mode, fit in fits.items()},
        thresholds={mode: fit.threshold for mode, fit in fits.items()},
        quality=quality,
    )
    write_card(revised, corpus, fits, notes)
    return done("calibrate", quality, as_json)


def _repositories(split: Iterator[tuple[str, list[tuple[str, str]]]]) -> Iterator[Repository]:
    from repocomp.train.label import Repository

    return (Repository(name, [(path, text.encode()) for path, text in files]) for name, files in split)
