"""The stages of `repocomp train` that make a pack of a base model: export, mixture, labels, tuning, calibration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, Number, workers_options
from repocomp.cli.train.base import PATH, TREE, done, hours_option, recipe_option
from repocomp.cli.words import PACK
from repocomp.executor.workers import Workers

if TYPE_CHECKING:
    from repocomp.model.graph.decoder import Precision

holes_option = click.option(
    "--holes", type=Count(min=1), default=60, show_default=True, metavar="N", help="Holes a repository."
)


@click.command()
@click.argument("corpus", type=PATH)
@click.argument("pack", type=PACK)
@click.argument("out", type=PATH)
@click.option(
    "--split", type=click.Choice(["train", "validation"]), default="train", show_default=True, help="Whose files."
)
@holes_option
@click.option("--minutes", type=Number(), metavar="M", help="Stop after this long; run again to go on.")
@click.option("--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing holes.")
@workers_options
@output.json_option
def label(
    corpus: Path,
    pack: str,
    out: Path,
    split: str,
    holes: int,
    minutes: float | None,
    seed: int,
    workers: Workers,
    as_json: bool,
) -> int:
    """Let PACK answer holes with and without retrieval; OUT says where it helped."""
    from repocomp.train.stages import label_split

    seconds = None if minutes is None else 60 * minutes
    with progress.bar() as show:
        count = label_split(
            corpus, pack, out, split=split, holes=holes, seed=seed, show=show, workers=workers, seconds=seconds
        )
    return done("label", {"examples": count}, as_json)


@click.command()
@click.argument("checkpoint", type=PATH)
@click.argument("labels", type=PATH)
@click.argument("out", type=PATH)
@click.option("--epochs", type=Count(min=1), default=2, show_default=True, metavar="N", help="Passes over the labels.")
@click.option("--minutes", type=Number(), metavar="M", help="Decay to the end within this time.")
@output.json_option
def tune(checkpoint: Path, labels: Path, out: Path, epochs: int, minutes: float | None, as_json: bool) -> int:
    """Teach the model of CHECKPOINT to decide and to fill in, from LABELS; writes OUT."""
    from repocomp.train.lm.tune import TuneSettings
    from repocomp.train.stages import tune_checkpoint

    seconds = None if minutes is None else 60 * minutes
    with progress.bar() as show:
        tune_checkpoint(checkpoint, labels, out, TuneSettings(epochs=epochs), show=show, seconds=seconds)
    return done("tune", {"checkpoint": str(out)}, as_json)


@click.command()
@click.argument("base", type=PATH)
@click.argument("tuned", type=PATH)
@click.argument("newer", type=PATH)
@click.argument("out", type=PATH)
@output.json_option
def carry(base: Path, tuned: Path, newer: Path, out: Path, as_json: bool) -> int:
    """Write OUT: the checkpoint NEWER with what tuning changed between BASE and TUNED.

    After more pre-training that began with BASE it keeps what was tuned; tune again, shortly, to make the two one.
    """
    from repocomp.train.stages import carry_tuning

    carry_tuning(base, tuned, newer, out)
    return done("carry", {"checkpoint": str(out)}, as_json)


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
    help="Precision of the weights.",
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
    from repocomp.train.recipe import load_recipe
    from repocomp.train.stages import export_checkpoint

    report = export_checkpoint(
        checkpoint, tokenizer, out, load_recipe(recipe), name=name, version=pack_version, precision=precision
    )
    return done("export", {"pack": str(out), "kl": report.kl, "top1": report.top1}, as_json)


@click.command()
@click.argument("corpus", type=PATH)
@click.argument("pack", type=PACK)
@holes_option
@click.option("--read", is_flag=True, help="Let what is retrieved be read in any case, as labels to tune with need it.")
@output.json_option
def mix(corpus: Path, pack: str, holes: int, read: bool, as_json: bool) -> int:
    """Fit how far PACK trusts repeated text, on the validation split of CORPUS.

    Where copying from what is retrieved serves as well as reading it, PACK will only copy.
    """
    from repocomp.train.stages import mix_pack

    with progress.bar() as show:
        fit = mix_pack(corpus, pack, holes, show, may_copy=not read)
    return done("mix", fit, as_json)


@click.command()
@click.argument("corpus", type=PATH)
@click.argument("pack", type=PACK)
@click.argument("out", type=PATH)
@click.option(
    "--minutes",
    type=Number(),
    default=15.0,
    show_default=True,
    metavar="M",
    help="Training time; reading the corpus comes on top.",
)
@output.json_option
def encoder(corpus: Path, pack: str, out: Path, minutes: float, as_json: bool) -> int:
    """Train an encoder for retrieval by vectors on CORPUS, and write PACK with it as OUT.

    It learns which chunks of other files hold the names that the next lines need; the vocabulary is PACK's.
    """
    from repocomp.train.stages import train_encoder

    with progress.bar() as show:
        said = train_encoder(corpus, pack, out, seconds=60 * minutes, show=show)
    return done("encoder", said, as_json)


@click.command()
@click.argument("pack", type=PACK)
@click.argument("labels", type=PATH)
@click.argument("trees", nargs=-1, required=True, type=TREE, metavar="TREE...")
@holes_option
@click.option("--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing holes.")
@workers_options
@output.json_option
def confidence(
    pack: str, labels: Path, trees: tuple[Path, ...], holes: int, seed: int, workers: Workers, as_json: bool
) -> int:
    """Fit how sure PACK is of its answers, and from when on it speaks, on work trees that it was not trained on.

    LABELS keeps what was judged: it is not asked again, so that a run can be stopped and resumed.
    """
    from repocomp.train.repository import Repository
    from repocomp.train.selection import judge_pack

    repositories = list(map(Repository.of_tree, trees))
    with progress.bar() as show:
        said = judge_pack(pack, labels, repositories, holes=holes, seed=seed, show=show, workers=workers)
    return done("confidence", said, as_json)


@click.command()
@click.argument("pack", type=PACK)
@click.argument("generator", type=PACK)
@click.argument("labels", type=PATH)
@click.argument("trees", nargs=-1, required=True, type=TREE, metavar="TREE...")
@holes_option
@hours_option("How long holes are tried.", 2.0)
@click.option("--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing holes.")
@workers_options
@output.json_option
def policy(
    pack: str,
    generator: str,
    labels: Path,
    trees: tuple[Path, ...],
    holes: int,
    hours: float,
    seed: int,
    workers: Workers,
    as_json: bool,
) -> int:
    """Fit how PACK decides for GENERATOR: when its own draft is enough, and when reading what is retrieved helps.

    Needs work trees that neither was trained on. LABELS keeps what was tried: a run can be stopped and resumed.
    """
    from repocomp.train.repository import Repository
    from repocomp.train.selection import pair_packs

    repositories = list(map(Repository.of_tree, trees))
    with progress.bar() as show:
        found = pair_packs(
            pack,
            generator,
            labels,
            repositories,
            holes=holes,
            seed=seed,
            seconds=3600 * hours,
            show=show,
            workers=workers,
        )
    return done("policy", found, as_json)


@click.command()
@click.argument("pack", type=PACK)
@click.argument("labels", type=PATH)
@click.argument("corpus", type=PATH)
@click.option("--notes", default="", metavar="TEXT", help="Introduction of the model card.")
@output.json_option
def calibrate(pack: str, labels: Path, corpus: Path, notes: str, as_json: bool) -> int:
    """Fit PACK's probabilities and thresholds to LABELS of the validation split; writes its model card."""
    from repocomp.train.stages import calibrate_pack

    return done("calibrate", calibrate_pack(pack, labels, corpus, notes), as_json)
