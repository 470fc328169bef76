"""`repocomp train`: the stages from a folder of repositories to a pack, each resumable, each with its progress."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repocomp.cli import output, progress
from repocomp.errors import TrainError

if TYPE_CHECKING:
    from repocomp.train.graph import Precision
    from repocomp.train.label import Repository

EPILOG = """\b
Examples, in order:
  repocomp train corpus ~/repositories work/corpus
  repocomp train tokenizer work/corpus work/tokenizer.json
  repocomp train data work/corpus work/tokenizer.json work/rows
  repocomp train pretrain work/rows work/run --hours 10
  repocomp train export work/run/checkpoint.pt work/tokenizer.json work/base --name base
  repocomp train mix work/corpus work/base
  repocomp train label work/corpus work/base work/labels.jsonl
  repocomp train tune work/run/checkpoint.pt work/labels.jsonl work/tuned.pt
  repocomp train export work/tuned.pt work/tokenizer.json work/pack --name mine
  repocomp train mix work/corpus work/pack
  repocomp train label work/corpus work/pack work/validation.jsonl --split validation
  repocomp train calibrate work/pack work/validation.jsonl work/corpus
"""

_PATH = click.Path(path_type=Path)
holes_option = click.option(
    "--holes", type=click.IntRange(min=1), default=60, show_default=True, metavar="N", help="Holes a repository."
)
recipe_option = click.option(
    "--recipe", default="tiny", show_default=True, metavar="NAME", help="A recipe, or its file."
)


@click.group(epilog=EPILOG)
def command() -> None:
    """Train, tune and export a model pack (needs the extra `train`)."""
    if find_spec("torch") is None or find_spec("onnx") is None:
        raise TrainError("training needs PyTorch and onnx", "pip install 'repocomp[train]'")


@command.command()
@click.argument("folder", type=_PATH)
@click.argument("out", type=_PATH)
@click.option("--exclude", type=_PATH, metavar="FOLDER", help="Repositories whose files must not enter, by content.")
@recipe_option
@output.json_option
def corpus(folder: Path, out: Path, exclude: Path | None, recipe: str, as_json: bool) -> int:
    """Read the repositories FOLDER/OWNER+NAME into the corpus OUT: licences checked, copies dropped."""
    from repocomp.train.corpus import collect
    from repocomp.train.recipe import load_recipe

    with progress.bar() as show:
        facts = collect(folder, out, load_recipe(recipe), excluded=exclude, progress=show)
    kept = [one for one in facts if one.split != "refused"]
    summary = {"repositories": len(kept), "refused": len(facts) - len(kept), "bytes": sum(one.bytes for one in kept)}
    return _done("corpus", summary, as_json)


@command.command()
@click.argument("corpus", type=_PATH)
@click.argument("out", type=_PATH)
@recipe_option
@output.json_option
def tokenizer(corpus: Path, out: Path, recipe: str, as_json: bool) -> int:
    """Learn the vocabulary OUT from CORPUS."""
    from repocomp.train.corpus import read_split
    from repocomp.train.recipe import load_recipe
    from repocomp.train.tokenizer import train_tokenizer

    chosen = load_recipe(recipe)
    files = (file for _, files in read_split(corpus, "train") for file in files)
    train_tokenizer(files, chosen.shape.vocab_size, out, chosen.seed)
    return _done("tokenizer", {"file": str(out)}, as_json)


@command.command()
@click.argument("corpus", type=_PATH)
@click.argument("tokenizer", type=_PATH)
@click.argument("out", type=_PATH)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="Worker processes.")
@recipe_option
@output.json_option
def data(corpus: Path, tokenizer: Path, out: Path, jobs: int, recipe: str, as_json: bool) -> int:
    """Make the training rows OUT of CORPUS."""
    from repocomp.train.data import make_rows
    from repocomp.train.recipe import load_recipe

    with progress.bar() as show:
        make_rows(corpus, tokenizer, out, load_recipe(recipe), workers=jobs, progress=show)
    return _done("data", {"folder": str(out)}, as_json)


@command.command()
@click.argument("rows", type=_PATH)
@click.argument("out", type=_PATH)
@click.option(
    "--hours", type=float, default=10.0, show_default=True, metavar="H", help="The whole run, resumed parts included."
)
@click.option("--compile/--no-compile", "compiled", default=True, help="Compile the model first.")
@recipe_option
@output.json_option
def pretrain(rows: Path, out: Path, hours: float, compiled: bool, recipe: str, as_json: bool) -> int:
    """Train from scratch on ROWS; OUT keeps the checkpoint and the loss curve, and is resumed from."""
    from repocomp.train.pretrain import pretrain as run
    from repocomp.train.recipe import load_recipe

    with progress.bar() as show:
        checkpoint = run(
            load_recipe(recipe),
            rows,
            out,
            seconds=3600 * hours,
            compiled=compiled,
            progress=lambda now: show(f"loss {now.loss:.3f}", int(1000 * now.done), 1000),
        )
    return _done("pretrain", {"checkpoint": str(checkpoint)}, as_json)


@command.command()
@click.argument("corpus", type=_PATH)
@click.argument("pack")
@click.argument("out", type=_PATH)
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
    return _done("label", {"examples": count}, as_json)


@command.command()
@click.argument("checkpoint", type=_PATH)
@click.argument("labels", type=_PATH)
@click.argument("out", type=_PATH)
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
    return _done("tune", {"checkpoint": str(out)}, as_json)


@command.command()
@click.argument("checkpoint", type=_PATH)
@click.argument("tokenizer", type=_PATH)
@click.argument("out", type=_PATH)
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
    return _done("export", {"pack": str(out), "kl": report.kl, "top1": report.top1}, as_json)


@command.command()
@click.argument("corpus", type=_PATH)
@click.argument("pack")
@holes_option
@output.json_option
def mix(corpus: Path, pack: str, holes: int, as_json: bool) -> int:
    """Fit how far PACK trusts repeated text, on the validation split of CORPUS."""
    from repocomp.complete.parts import load
    from repocomp.train.corpus import read_split
    from repocomp.train.export import revise_pack
    from repocomp.train.mix import fit_weights

    loaded = load(pack)
    with progress.bar() as show:
        fit = fit_weights(_repositories(read_split(corpus, "validation")), loaded, holes, progress=show)
    revise_pack(loaded.pack, cache_weights=fit.weights)
    summary = {"weights": fit.weights, "tokens": fit.tokens, "bits": {"alone": fit.bits_alone, "mixed": fit.bits_mixed}}
    return _done("mix", summary, as_json)


@command.command()
@click.argument("pack")
@click.argument("labels", type=_PATH)
@click.argument("corpus", type=_PATH)
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
    return _done("calibrate", quality, as_json)


def _repositories(split: Iterator[tuple[str, list[tuple[str, str]]]]) -> Iterator[Repository]:
    from repocomp.train.label import Repository

    return (Repository(name, [(path, text.encode()) for path, text in files]) for name, files in split)


def _done(stage: str, summary: dict[str, Any], as_json: bool) -> int:
    if as_json:
        return output.document("train", {"stage": stage, **summary})
    for name, value in summary.items():
        output.line(f"{name:<14}{value}")
    return 0
