"""`repocomp bench index`: how fast a work tree is indexed."""

from __future__ import annotations

import os
from pathlib import Path

import click

from repocomp.cli import output
from repocomp.cli.options import Count, work_trees

EPILOG = """\b
Examples:
  repocomp bench index
  repocomp bench index ~/src/linux --json
"""
_MAX_JOBS = 8


@click.command("index", epilog=EPILOG)
@click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--jobs", type=Count(min=1), metavar="N", help="Worker processes (default: one per core).")
@output.json_option
def index(path: Path | None, jobs: int | None, as_json: bool) -> int:
    """Index the work tree of PATH (default: this one) from nothing and again, into a folder that is then removed.

    Beside it stands a floor: reading the same files and parsing them with tree-sitter, in as many processes. Memory is
    that of all processes together.
    """
    from repocomp.bench.indexing import bench_index

    root = work_trees([path] if path else [])[0]
    found = bench_index(root, jobs or min(_MAX_JOBS, os.cpu_count() or 1))
    if as_json:
        return output.document("bench", found.to_json())
    peak = "unknown here" if found.peak_mb is None else f"{found.peak_mb:,.0f} MB"
    output.line(
        f"{found.files:,} files, {found.lines:,} lines in {found.seconds:.1f} s: {found.lines_per_s:,.0f} lines/s"
    )
    output.line(f"reading and parsing alone: {found.floor.seconds:.1f} s: {found.floor.lines_per_s:,.0f} lines/s")
    output.line(f"processor time: {found.cpu_s:.1f} s, reading and parsing {found.floor.cpu_s:.1f} s")
    output.line(f"peak memory: {peak}; database: {found.database_mb:,.0f} MB")
    output.line(f"again, nothing changed: {found.again_s:.2f} s for {found.again_files:,} files")
    return 0
