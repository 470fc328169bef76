"""`repocomp bench latency`: time from a keystroke to its completion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, work_trees
from repocomp.cli.words import PACK

if TYPE_CHECKING:
    from repocomp.bench.latency import Latency

EPILOG = """\b
Examples:
  repocomp bench latency
  repocomp bench latency ~/src/project --keys 100 --json > latency.json
"""


@click.command("latency", epilog=EPILOG)
@click.argument("path", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--keys", type=Count(min=1), default=200, show_default=True, metavar="N", help="Characters to type.")
@click.option(
    "--places",
    type=Count(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Cursors in places not seen before.",
)
@click.option(
    "--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing files and cursors."
)
@click.option("--pack", type=PACK, default="default", show_default=True, metavar="PACK", help="The pack to measure.")
@click.option("--policy", type=PACK, metavar="PACK", help="The pack that decides (default: the one that is measured).")
@output.json_option
def latency(path: Path | None, keys: int, places: int, seed: int, pack: str, policy: str | None, as_json: bool) -> int:
    """Measure from key to text in the indexed work tree of PATH (default: this one), the client process included.

    Without a daemon, at places a daemon has not seen, and typing in a row in up to eight files; never, selectively and
    always retrieving, in turns. It starts and stops daemons of its own. Quote ratios, since milliseconds depend on this
    machine and its load.
    """
    from repocomp.bench.latency import bench_latency

    root = work_trees([path] if path else [])[0]
    with progress.bar() as show:
        found = bench_latency(root, pack, keys, places, seed, show, policy)
    if as_json:
        return output.document("bench", found.to_json())
    _print(found)
    return 0


def _print(found: Latency) -> None:
    from rich.table import Table

    console = output.table_console()
    names = "way policy n rests silent used p50 p95 p50* p95* answer* prefill* decode* client*".split()
    table = Table(*names, title="milliseconds from key to text; * without rests of earlier answers")
    cached = Table("way", "policy", "with rests", "without", "retrieved", "skipped", title="cached prompt tokens, %")
    for row in found.rows:
        walls = (row.wall_p50, row.wall_p95, row.written_p50, row.written_p95)
        times = (*walls, row.answer_p50, row.prefill_p50, row.decode_p50, row.client_p50)
        counts = (row.way, row.policy, str(row.requests), str(row.rests), str(row.silent), str(row.retrieved))
        table.add_row(*counts, *(f"{ms:.1f}" for ms in times))
        apart = (row.cached_retrieved_percent, row.cached_skipped_percent)
        shares = (row.cached_with_rests_percent, row.cached_percent, *apart)
        cached.add_row(row.way, row.policy, *("-" if share is None else f"{share:.1f}" for share in shares))
    console.print(table)
    console.print(cached)
    console.print(f"python -c pass: {found.bare_ms[0]:.1f} ms (p95 {found.bare_ms[1]:.1f})")
    console.print(f"processor time: client {found.client_cpu_ms:.1f} ms, python -c pass {found.bare_cpu_ms:.1f} ms")
    for name, ratio in found.ratios.items():
        console.print(f"{name}: {ratio:.2f}")
    for way, saved in found.prefill_saved_ms.items():
        console.print(f"prefill saved by selecting, {way}: {saved:.1f} ms")
    console.print(f"{found.compared} answers compared with those of a process alone: {found.differing} differ")
    console.print(f"typed in {', '.join(found.facts['typed_in'])}; {found.facts['machine']}")
