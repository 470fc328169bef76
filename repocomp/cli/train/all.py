"""`repocomp train all`: every stage in its order, from a folder of repositories to a pack."""

from __future__ import annotations

from pathlib import Path

import click

from repocomp.cli import output, progress
from repocomp.cli.train.base import PATH, compile_option, done, exclude_option, hours_option, jobs_option, recipe_option
from repocomp.progress import duration

EPILOG = """\b
Example:
  git clone https://github.com/OWNER/NAME ~/repositories/OWNER+NAME     (and some hundred others)
  repocomp train all ~/repositories work --hours 10
  repocomp complete --generator work/pack FILE:LINE:COL
"""


@click.command("all", epilog=EPILOG)
@click.argument("folder", type=PATH)
@click.argument("out", type=PATH)
@hours_option("Time for pre-training, labelling and tuning.")
@click.option("--name", default="mine", show_default=True, help="The pack's name.")
@exclude_option
@jobs_option
@compile_option
@recipe_option
@output.json_option
def command(
    folder: Path,
    out: Path,
    hours: float,
    name: str,
    exclude: Path | None,
    jobs: int,
    compiled: bool,
    recipe: str,
    as_json: bool,
) -> int:
    """Make a pack of the repositories FOLDER/OWNER+NAME: all stages, in the folder OUT.

    Finished stages are not repeated: run the same command again to resume. OUT/pack is the pack,
    OUT/journal.json says what each stage did. Reading the corpus and measuring come on top of the hours.
    """
    from repocomp.train.path import Plan, train_all
    from repocomp.train.recipe import load_recipe

    plan = Plan(
        folder,
        out,
        load_recipe(recipe),
        seconds=3600 * hours,
        name=name,
        excluded=exclude,
        workers=jobs,
        compiled=compiled,
    )
    ran = []
    for stage in train_all(plan, progress.bar):
        output.note(f"{stage.stage}: done in {duration(stage.seconds)}")
        ran.append(stage.stage)
    return done("all", {"pack": str(plan.at("pack")), "ran": ran}, as_json)
