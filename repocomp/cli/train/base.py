"""The stages of `repocomp train` that make a base model: corpus, vocabulary, rows, pre-training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, Number
from repocomp.cli.words import RECIPE

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)
TREE = click.Path(exists=True, file_okay=False, path_type=Path)
recipe_option = click.option(
    "--recipe", type=RECIPE, default="tiny", show_default=True, metavar="NAME", help="A built-in recipe, or a file."
)

exclude_option = click.option(
    "--exclude",
    type=PATH,
    metavar="FOLDER",
    help="Repositories whose files must not enter the corpus, compared by content.",
)
jobs_option = click.option(
    "--jobs", type=Count(min=1), default=2, show_default=True, metavar="N", help="Worker processes."
)
compile_option = click.option(
    "--compile/--no-compile", "compiled", default=True, help="Compile the model before training."
)


def hours_option(covers: str, default: float = 10.0) -> Callable[[Decorated], Decorated]:
    """How long a stage trains; the help says what the hours cover."""
    return click.option("--hours", type=Number(min=0), default=default, show_default=True, metavar="H", help=covers)


@click.command()
@click.argument("folder", type=PATH)
@click.argument("out", type=PATH)
@exclude_option
@recipe_option
@output.json_option
def corpus(folder: Path, out: Path, exclude: Path | None, recipe: str, as_json: bool) -> int:
    """Read the repositories FOLDER/OWNER+NAME into the corpus OUT: licences checked, copies dropped."""
    from repocomp.train.corpus.collect import collect
    from repocomp.train.recipe import load_recipe

    with progress.bar() as show:
        facts = collect(folder, out, load_recipe(recipe), excluded=exclude, progress=show)
    kept = [one for one in facts if one.split != "refused"]
    summary = {"repositories": len(kept), "refused": len(facts) - len(kept), "bytes": sum(one.bytes for one in kept)}
    return done("corpus", summary, as_json)


@click.command()
@click.argument("corpus", type=PATH)
@click.argument("out", type=PATH)
@recipe_option
@output.json_option
def tokenizer(corpus: Path, out: Path, recipe: str, as_json: bool) -> int:
    """Learn the vocabulary OUT from CORPUS."""
    from repocomp.train.recipe import load_recipe
    from repocomp.train.stages import learn_tokenizer

    learn_tokenizer(corpus, out, load_recipe(recipe))
    return done("tokenizer", {"file": str(out)}, as_json)


@click.command()
@click.argument("corpus", type=PATH)
@click.argument("tokenizer", type=PATH)
@click.argument("out", type=PATH)
@jobs_option
@recipe_option
@output.json_option
def data(corpus: Path, tokenizer: Path, out: Path, jobs: int, recipe: str, as_json: bool) -> int:
    """Make the training rows OUT of CORPUS."""
    from repocomp.train.corpus.rows import make_rows
    from repocomp.train.recipe import load_recipe

    with progress.bar() as show:
        make_rows(corpus, tokenizer, out, load_recipe(recipe), workers=jobs, progress=show)
    return done("data", {"folder": str(out)}, as_json)


@click.command()
@click.argument("rows", type=PATH)
@click.argument("out", type=PATH)
@hours_option("Length of the whole run, including resumed parts.")
@click.option("--start", type=PATH, metavar="CHECKPOINT", help="Start a new OUT from these weights.")
@click.option(
    "--cooldown",
    is_flag=True,
    help="Let the learning rate decay throughout: the end of a run that was kept at its full rate.",
)
@compile_option
@recipe_option
@output.json_option
def pretrain(
    rows: Path,
    out: Path,
    hours: float,
    start: Path | None,
    cooldown: bool,
    compiled: bool,
    recipe: str,
    as_json: bool,
) -> int:
    """Train from scratch on ROWS; OUT keeps the checkpoint and the loss curve, and is resumed from.

    On an accelerator that is borrowed for a short while: make the rows before, and carry the first shards over with the
    program. Begin at once, in a process that outlives the call that begins it, with hours that end some minutes before
    the machine goes back. Bring further shards while it trains: copy each into ROWS under another name, then rename it;
    the run reads it when it comes to it. OUT/log.jsonl has a line every three minutes: tokens, and loss on unseen
    repositories. At the end write the weights with train pieces, small files to be carried back, and put them together
    with train join; export and tune read the result.

    OUT/stable.pt is the run before its decay. A new OUT can --start from it, with more hours, or with --cooldown.
    """
    from repocomp.train.lm.pretrain import pretrain as run
    from repocomp.train.recipe import load_recipe

    with progress.bar() as show:
        checkpoint = run(
            load_recipe(recipe),
            rows,
            out,
            seconds=3600 * hours,
            compiled=compiled,
            start=start,
            cooldown=cooldown,
            progress=show,
        )
    return done("pretrain", {"checkpoint": str(checkpoint)}, as_json)


def done(stage: str, summary: dict[str, Any], as_json: bool) -> int:
    """Report the end of a stage; returns its exit code."""
    if as_json:
        return output.document("train", {"stage": stage, **summary})
    output.columns(summary.items())
    return 0
