"""`repocomp bench retrieval`: what each retrieval strategy finds, alone and together."""

from __future__ import annotations

from pathlib import Path

import click

from repocomp.cli import output, progress
from repocomp.cli.bench.options import FOLDER, tree_options
from repocomp.cli.bench.tables import print_retrieval
from repocomp.cli.options import Count, workers_options
from repocomp.cli.words import PACK
from repocomp.errors import ExitCode
from repocomp.executor.workers import Workers

EPILOG = """\b
Examples:
  repocomp bench retrieval --limit 300
  repocomp bench retrieval --limit 100 --likelihood --json > retrieval.json
  repocomp bench retrieval --limit 1000 --cluster auto ~/src/*
"""


@click.command(epilog=EPILOG)
@click.option("--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing holes.")
@click.option(
    "--pack", type=PACK, default="default", show_default=True, metavar="PACK", help="The pack that counts tokens."
)
@click.option("--likelihood", is_flag=True, help="Also measure how much more likely the true text becomes; slow.")
@click.option("--answers", is_flag=True, help="Also complete with what each arm finds; slower still.")
@click.option("--trees", type=FOLDER, metavar="FOLDER", help="Ranking trees to use instead of the shipped ones.")
@click.option(
    "--seeds",
    type=Count(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of seeds, counted from --seed.",
)
@workers_options
@output.json_option
@tree_options
def retrieval(
    roots: list[Path],
    limit: int,
    seed: int,
    pack: str,
    likelihood: bool,
    answers: bool,
    trees: Path | None,
    seeds: int,
    workers: Workers,
    as_json: bool,
) -> int:
    """Ask each retrieval strategy alone, and together, about holes in the work trees that hold PATHs.

    Recall is the share of the answer's identifiers not yet in sight that 512 tokens of chunks show. The hole's own
    place and copies of it are hidden; intervals are 95 % by bootstrap over files.
    """
    from repocomp.bench.retrieval.run import Plan, bench_retrieval

    with progress.bar() as show:
        plan = Plan(pack, limit, seed, likelihood, answers, trees, seeds, workers)
        report = bench_retrieval(roots, plan, show)
    if as_json:
        return output.document("bench", report.to_json())
    print_retrieval(report)
    return ExitCode.OK
