"""`repocomp bench`: how well completion works here, with and without retrieval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.cli.bench_latency import latency
from repocomp.errors import BenchError, ExitCode
from repocomp.git import work_tree

if TYPE_CHECKING:
    from repocomp.bench.compare import Comparison
    from repocomp.bench.datasets import Dataset
    from repocomp.bench.report import Report
    from repocomp.bench.run import Show
    from repocomp.evaluate.holes import HoleKind
    from repocomp.evaluate.summary import Summary

EPILOG = """\b
Examples:
  repocomp bench self
  repocomp bench self --limit 200 --seed 1 --json > report.json
  repocomp bench self --compare report.json --html report.html
  repocomp bench latency
  repocomp bench repoeval dataset/function_level_completion_2k_context_codex.test.jsonl
  repocomp bench crosscodeeval python/line_completion_rg1_bm25.jsonl --limit 500
"""

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(epilog=EPILOG)
def command() -> None:
    """Measure completion on real code."""


command.add_command(latency)


@dataclass(frozen=True, slots=True)
class Asked:
    """What every suite can be asked for."""

    seed: int
    pack: str
    html: Path | None
    old: Path | None
    as_json: bool


def report_options(suite: Callable[..., int]) -> Callable[..., int]:
    """The options of `Asked`, handed to the suite as one."""

    @wraps(suite)
    def wrapped(seed: int, pack: str, html: Path | None, old: Path | None, as_json: bool, **rest: object) -> int:
        return suite(Asked(seed, pack, html, old, as_json), **rest)

    options = (
        click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Which holes."),
        click.option("--pack", default="default", show_default=True, metavar="PACK", help="The pack to measure."),
        click.option("--html", type=_FILE, metavar="FILE", help="Write the report as one page."),
        click.option(
            "--compare",
            "old",
            type=_FILE,
            metavar="FILE",
            help="Compare with an earlier --json; exit 1 when it was better beyond chance.",
        ),
        output.json_option,
    )
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


@command.command("self", epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=_FOLDER)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="Holes a tree.")
@click.option("--kinds", metavar="K,K", help="Of line, api, chunk, function, midline (default: all).")
@click.option(
    "--rival", "rivals", multiple=True, metavar="URL", help="Ask this engine too: llama.cpp's /infill, /v1/completions."
)
@report_options
def self_(asked: Asked, paths: tuple[Path, ...], limit: int, kinds: str | None, rivals: tuple[str, ...]) -> int:
    """Cut holes into the indexed files of the work trees that hold PATHs (default: this one), and complete each.

    The hole's own place and copies of it are hidden from retrieval. Every hole counts, also where nothing is answered;
    intervals are 95 % by bootstrap over files. A run that was stopped goes on where it was.
    """
    from repocomp.bench.run import Plan, bench_self

    plan = Plan(asked.pack, limit, asked.seed, _kinds(kinds), rivals)
    roots = [work_tree(path) or path.resolve() for path in paths or (Path.cwd(),)]
    return _run(lambda show: bench_self(roots, plan, show), asked)


def dataset_options(suite: Callable[..., int]) -> Callable[..., int]:
    """A published file, and where its repositories lie."""
    for option in (
        click.option("--limit", type=click.IntRange(min=1), default=10_000, show_default=True, help="Lines at most."),
        click.option("--repositories", type=_FOLDER, metavar="FOLDER", help="Where the repositories lie."),
        click.argument("file", type=_FILE),
    ):
        suite = option(suite)
    return suite


@command.command(epilog=EPILOG)
@dataset_options
@report_options
def repoeval(asked: Asked, file: Path, repositories: Path | None, limit: int) -> int:
    """Fill the holes of a RepoEval FILE (.jsonl; line, API or function level by its name).

    The repositories are looked for around the file; without them only the prompt is there.
    """
    from repocomp.bench.datasets import repoeval as read

    return _run_dataset(read(file, repositories), limit, asked)


@command.command(epilog=EPILOG)
@dataset_options
@report_options
def crosscodeeval(asked: Asked, file: Path, repositories: Path | None, limit: int) -> int:
    """Fill the holes of a CrossCodeEval FILE (.jsonl), with the chunks it brings or, where given, the repositories."""
    from repocomp.bench.datasets import crosscodeeval as read

    return _run_dataset(read(file, repositories), limit, asked)


def _run_dataset(dataset: Dataset, limit: int, asked: Asked) -> int:
    from repocomp.bench.run import bench_dataset

    for reason in dataset.skipped:
        output.note(f"left out: {reason}")
    return _run(lambda show: bench_dataset(dataset, asked.pack, asked.seed, limit, show), asked)


def _run(measure: Callable[[Show], Report], asked: Asked) -> int:
    from repocomp.bench.compare import compare
    from repocomp.bench.page import render
    from repocomp.bench.report import load

    before = load(asked.old) if asked.old is not None else None
    with progress.bar() as show:
        report = measure(lambda done, total: show("filling holes", done, total))
    if asked.html is not None:
        asked.html.write_text(render(report), encoding="utf-8")
    comparison = compare(before, report) if before is not None else None
    code = ExitCode.NOTHING if comparison is not None and comparison.is_regression else ExitCode.OK
    if asked.as_json:
        changes = {"comparison": comparison.to_json()} if comparison is not None else {}
        return output.document("bench", {**report.to_json(), **changes}, code)
    _print(report)
    if comparison is not None:
        _print_comparison(comparison)
    return code


def _kinds(listed: str | None) -> tuple[HoleKind, ...]:
    from repocomp.evaluate.holes import KINDS

    wanted = [kind.strip() for kind in listed.split(",")] if listed else list(KINDS)
    if unknown := set(wanted) - set(KINDS):
        raise BenchError(f"there are no holes of the kind {sorted(unknown)[0]!r}", "kinds are " + ", ".join(KINDS))
    return tuple(kind for kind in KINDS if kind in wanted)


def _print(report: Report) -> None:
    from rich.table import Table

    console = output.table_console()
    names = ("policy", "kind", "holes", "EM %", "ES %", "95 %", "id F1 %", "retrieved %", "p50 ms", "p95 ms")
    table = Table(*names, title=f"bench {report.facts['suite']}")
    for kind, summary in [*report.by_kind.items(), ("all", report.overall)]:
        for row in _rows(kind, summary):
            table.add_row(*row)
        table.add_section()
    console.print(table)
    s = report.overall
    console.print(f"always - never: {s.gain:+.2f} ES ({s.gain_interval[0]:+.2f} .. {s.gain_interval[1]:+.2f})")
    console.print(f"retrieval helped {s.helped} %, harmed {s.harmed} %, of that avoided {s.harm_avoided} %")
    console.print(
        f"decision: accuracy {s.decision_accuracy} %, ROC-AUC {s.roc_auc}, ECE {s.calibration_error},"
        f" abstention precision {s.abstention_precision} %"
    )
    areas = ", ".join(f"{one.name} {one.area:.2f}" for one in s.selectors)
    console.print(f"mean ES over all retrieval rates, by who selects: {areas}")
    speed = s.score("always").ms["total"] / s.score("threshold").ms["total"]
    console.print(f"selecting is {speed:.2f} x as fast as always retrieving")
    for rival, failures in report.facts.get("rival_failures", {}).items():
        if failures:
            console.print(f"{rival}: " + ", ".join(f"{count} x {failure}" for failure, count in failures.items()))
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
            f"{score.identifier_f1:.1f}",
            f"{score.retrieval_rate:.0f}",
            f"{score.p50:.0f}",
            f"{score.p95:.0f}",
        )
    for baseline in summary.baselines:
        low, high = baseline.interval
        scores = (f"{baseline.exact_match:.1f}", f"{baseline.edit_similarity:.1f}", f"{low:.1f} .. {high:.1f}")
        yield (baseline.name, kind, str(summary.holes), *scores, f"{baseline.identifier_f1:.1f}", "", "", "")


def _print_comparison(comparison: Comparison) -> None:
    for change in comparison.changes:
        low, high = change.interval
        output.line(
            f"{change.policy}: ES {change.before:.2f} -> {change.after:.2f} ({low:+.2f} .. {high:+.2f})"
            + (" worse" if change.is_regression else "")
        )
    output.line(f"on the {comparison.holes} holes that both runs filled")
