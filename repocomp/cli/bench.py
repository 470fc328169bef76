"""`repocomp bench`: how well completion works here, with and without retrieval."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.git import work_tree

if TYPE_CHECKING:
    from repocomp.bench.run import Report
    from repocomp.evaluate.summary import Summary

EPILOG = """\b
Examples:
  repocomp bench self
  repocomp bench self --limit 200 --seed 1 --json > report.json
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Measure completion on real code."""


@command.command("self", epilog=EPILOG)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="Holes to cut.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Which holes.")
@click.option("--pack", default="default", show_default=True, metavar="PACK", help="The pack to measure.")
@output.json_option
def self_(limit: int, seed: int, pack: str, as_json: bool) -> int:
    """Cut holes into this repository's own files and fill them with and without retrieval.

    The place a hole was cut from, and near-copies of it, are hidden from retrieval. Scores are in percent with
    intervals by bootstrap over files.
    """
    from repocomp.bench.run import bench_self

    root = work_tree(Path.cwd()) or Path.cwd()
    with progress.bar() as show:
        report = bench_self(
            root, pack, limit=limit, seed=seed, progress=lambda done, total: show("filling holes", done, total)
        )
    if as_json:
        return output.document("bench", report.to_json())
    _print(report)
    return 0


def _print(report: Report) -> None:
    from rich.table import Table

    console = output.table_console()
    table = Table("policy", "kind", "holes", "EM %", "ES %", "95 %", "retrieved %", title="bench self")
    for kind, summary in [*report.by_kind.items(), ("all", report.overall)]:
        for row in _rows(kind, summary):
            table.add_row(*row)
        table.add_section()
    console.print(table)
    s = report.overall
    console.print(f"always - never: {s.gain:+.2f} ES ({s.gain_interval[0]:+.2f} .. {s.gain_interval[1]:+.2f})")
    console.print(f"retrieval helped {s.helped} %, harmed {s.harmed} %, of that avoided {s.harm_avoided} %")
    console.print(
        f"decision: ROC-AUC {s.roc_auc}, ECE {s.calibration_error}, abstention precision {s.abstention_precision} %"
    )
    console.print(f"seed {report.facts['seed']}, {s.holes} holes in {s.files} files, {report.facts['machine']}")


def _rows(kind: str, summary: Summary) -> Iterator[tuple[str, ...]]:
    for score in summary.scores:
        low, high = score.interval
        yield (
            score.policy,
            kind,
            str(summary.holes),
            f"{score.exact_match:.1f}",
            f"{score.edit_similarity:.1f}",
            f"{low:.1f} .. {high:.1f}",
            f"{score.retrieval_rate:.0f}",
        )
