"""`repocomp bench search`: time our search against other engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, work_trees

if TYPE_CHECKING:
    from repocomp.bench.search.run import SearchReport

EPILOG = """\b
Examples:
  repocomp bench search
  repocomp bench search ~/src/large ~/src/larger --chunks 10000 --chunks 100000 --json > search.json
"""


@click.command("search", epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--chunks",
    multiple=True,
    type=Count(min=1),
    default=(10_000,),
    show_default=True,
    metavar="N",
    help="Syntax chunks to search; give it again for more sizes.",
)
@click.option(
    "--queries",
    type=Count(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Number of cursors to query.",
)
@click.option("--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing cursors.")
@output.json_option
def search(paths: tuple[Path, ...], chunks: tuple[int, ...], queries: int, seed: int, as_json: bool) -> int:
    """Time BM25, Jaccard and vector search on files of the work trees that hold PATHs (default: this one).

    Beside ours: a scan of everything in numpy, SQLite's FTS5, and tantivy where its Python package is installed. The
    files are indexed anew in a temporary folder, until there are so many chunks or no more files.
    """
    from repocomp.bench.search.run import bench_search

    roots = work_trees(paths)
    with progress.bar() as show:
        report = bench_search(roots, chunks, queries, seed, show)
    if as_json:
        return output.document("bench", report.to_json())
    _print(report)
    return 0


def _print(report: SearchReport) -> None:
    from rich.table import Table

    names = ("search", "engine", "chunks", "p50 ms", "p95 ms", "processor p50 ms", "exact %")
    table = Table(*names, title="the best ten of all chunks")
    for row in report.rows:
        exact = "" if row.exact is None else f"{100 * row.exact:.2f}"
        times = (f"{ms:.2f}" for ms in (row.p50, row.p95, row.cpu_p50))
        table.add_row(row.what, row.engine, f"{row.chunks:,}", *times, exact)
    output.table_console().print(table)
    output.table_console().print(f"tantivy: {report.facts['tantivy']}; {report.facts['machine']}")
