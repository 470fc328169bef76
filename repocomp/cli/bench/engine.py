"""`repocomp bench engine`: the engine against llama.cpp, on the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, work_trees
from repocomp.cli.words import PACK

if TYPE_CHECKING:
    from repocomp.bench.decoding.run import Engines

EPILOG = """\b
Examples:
  repocomp bench engine
  repocomp bench engine ~/src/project --llama-bench ~/llama.cpp/build/bin/llama-bench --json
"""


@click.command("engine", epilog=EPILOG)
@click.argument("path", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--llama-bench",
    "llama_bench",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="llama.cpp's, with its llama-quantize and llama-perplexity beside it (default: found on the PATH).",
)
@click.option(
    "--gguf",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What llama.cpp runs, as the file that the pack was imported from (default: the weights of the pack).",
)
@click.option("--limit", type=Count(min=1), default=50, show_default=True, metavar="N", help="Completions to time.")
@click.option("--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing completions.")
@click.option("--pack", type=PACK, default="default", show_default=True, metavar="PACK", help="The pack to measure.")
@output.json_option
def engine(
    path: Path | None, llama_bench: Path | None, gguf: Path | None, limit: int, seed: int, pack: str, as_json: bool
) -> int:
    """Measure prefill and decoding beside llama.cpp: the same weights, on two threads, in turns.

    What guessing by lookup saves is measured on completions of the indexed work tree of PATH (default: this one).
    Quote ratios, since seconds depend on this machine and its load. Without llama.cpp only this side is measured.
    """
    from shutil import which

    from repocomp.bench.decoding.run import bench_engine

    root = work_trees([path] if path else [])[0]
    found = which("llama-bench")
    llama = llama_bench or (Path(found) if found is not None else None)
    with progress.bar() as show:
        report = bench_engine(root, pack, limit, seed, llama, gguf, show)
    if as_json:
        return output.document("bench", report.to_json())
    _print(report)
    return 0


def _print(report: Engines) -> None:
    from rich.table import Table

    console = output.table_console()
    table = Table("engine", "prefill tokens/s", "decode ms/token", "same first choice", "KL, nats")
    table.add_row("repocomp", f"{report.ours.prefill_tokens_per_s:,.0f}", f"{report.ours.decode_ms:.2f}", "", "")
    for kind, speed in report.llama.items():
        same = report.agreement[kind]
        figures = (f"{speed.prefill_tokens_per_s:,.0f}", f"{speed.decode_ms:.2f}", f"{same.top1:.1%}", f"{same.kl:.5f}")
        table.add_row(f"llama.cpp {kind}", *figures)
    console.print(table)
    real = report.completions
    console.print(
        f"{real.requests} completions, {real.tokens} tokens: {real.tokens_per_run:.2f} tokens a run with guesses,"
        f" {real.ms_per_token:.2f} ms per token, {real.plain_ms_per_token:.2f} without; {real.differing} differ"
    )
    for name, ratio in report.ratios.items():
        console.print(f"{name}: {ratio:.2f}")
    if report.missing is not None:
        output.note(report.missing)
