"""`repocomp bench`: how well completion works here, with and without retrieval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repocomp.cli import output, progress
from repocomp.cli.bench.engine import engine
from repocomp.cli.bench.index import index
from repocomp.cli.bench.latency import latency
from repocomp.cli.bench.learn import learn
from repocomp.cli.bench.options import (
    Asked,
    dataset_options,
    kinds_option,
    report_options,
    run_tests_option,
    tree_options,
)
from repocomp.cli.bench.retrieval import retrieval
from repocomp.cli.bench.search import search
from repocomp.cli.bench.tables import print_comparison, print_policy, print_report
from repocomp.errors import BenchError, ExitCode
from repocomp.generate.backends import is_pack

if TYPE_CHECKING:
    from repocomp.bench.completion.datasets import Dataset
    from repocomp.bench.completion.run import Plan
    from repocomp.bench.completion.unit_tests import UnitTests
    from repocomp.bench.holes import Kind
    from repocomp.bench.report import Report
    from repocomp.progress import OnProgress

EPILOG = """\b
Examples:
  repocomp bench self
  repocomp bench self --limit 200 --seed 1 --json > report.json
  repocomp bench self --compare report.json --html report.html
  repocomp bench self --kinds published
  repocomp bench policy --policy small --pack large
  repocomp bench retrieval --limit 300
  repocomp bench latency
  repocomp bench learn --limit 200
  repocomp bench engine --llama-bench ~/llama.cpp/build/bin/llama-bench
  repocomp bench index
  repocomp bench search --chunks 10000 --chunks 100000
  repocomp bench repoeval dataset/function_level_completion_2k_context_codex.test.jsonl
  repocomp bench crosscodeeval python/line_completion_rg1_bm25.jsonl --limit 500
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Measure completion on real code."""


command.add_command(latency)
command.add_command(learn)
command.add_command(engine)
command.add_command(index)
command.add_command(search)
command.add_command(retrieval)


@command.command("self", epilog=EPILOG)
@kinds_option
@click.option(
    "--rival",
    "rivals",
    multiple=True,
    metavar="URL",
    help="Also measure this engine: llama.cpp's /infill or /v1/completions.",
)
@run_tests_option
@report_options
@tree_options
def self_(
    asked: Asked,
    roots: list[Path],
    limit: int,
    kinds: str | None,
    rivals: tuple[str, ...],
    run_tests: str | None,
) -> int:
    """Cut holes into the indexed files of the work trees that hold PATHs (default: this one), and complete each.

    Cursors stand where people type, as often as they type there: in a word, behind a space, an opening bracket, a dot,
    "=" or "return" (value), another sign, on an empty line (blank), in a comment, string or docstring, at the end of a
    file, in prose. The kinds that papers report are line, api, chunk, function and midline; crossfile
    holes, as in CrossCodeEval, begin with a name that another file defines and this one says nowhere else.

    The hole's own place and copies of it are hidden from retrieval. Every hole counts, also where nothing is answered;
    intervals are 95 % by bootstrap over files. A run that was stopped continues where it left off.
    """
    from repocomp.bench.completion.run import bench_self

    tests = _unit_tests(run_tests)
    plan = replace(_plan(asked, limit), kinds=_kinds(kinds), rivals=rivals, unit_tests=tests)
    return _run(lambda show: bench_self(roots, plan, show), asked)


@command.command(epilog=EPILOG)
@kinds_option
@report_options
@tree_options
def policy(asked: Asked, roots: list[Path], limit: int, kinds: str | None) -> int:
    """Hold the decision to retrieve, on holes as in `bench self`, against other ways to decide.

    Those are: at random, by the best similarity, by how unsure the answer without retrieval was, by a classifier on
    its probabilities, and the oracle that knows both answers. Each hole is also completed with the chunks of another
    place, to see how much harm they do.
    """
    from repocomp.bench.completion.run import bench_self

    plan = replace(_plan(asked, limit), kinds=_kinds(kinds), mislead=True)
    return _run(lambda show: bench_self(roots, plan, show), asked, print_policy)


@command.command(epilog=EPILOG)
@dataset_options
@run_tests_option
@report_options
def repoeval(asked: Asked, file: Path, repositories: Path | None, limit: int, run_tests: str | None) -> int:
    """Fill the holes of a RepoEval FILE (.jsonl; line, API or function level by its name).

    The repositories are looked for around the file; without them only the prompt is there.
    """
    from repocomp.bench.completion.datasets import repoeval as read

    return _run_dataset(read(file, repositories), limit, asked, run_tests)


@command.command(epilog=EPILOG)
@dataset_options
@report_options
def crosscodeeval(asked: Asked, file: Path, repositories: Path | None, limit: int) -> int:
    """Fill the holes of a CrossCodeEval FILE (.jsonl), with the chunks it brings or, where given, the repositories."""
    from repocomp.bench.completion.datasets import crosscodeeval as read

    return _run_dataset(read(file, repositories), limit, asked)


def _run_dataset(dataset: Dataset, limit: int, asked: Asked, run_tests: str | None = None) -> int:
    from repocomp.bench.completion.run import bench_dataset

    for reason in dataset.skipped:
        output.note(f"left out: {reason}")
    tests = _unit_tests(run_tests)
    plan = replace(_plan(asked, limit), unit_tests=tests)
    return _run(lambda show: bench_dataset(dataset, plan, show), asked)


def _plan(asked: Asked, limit: int) -> Plan:
    from repocomp.bench.completion.run import Plan

    return Plan(asked.pack, limit, asked.seed, policy=asked.policy, workers=asked.workers, access=asked.access)


def _unit_tests(command: str | None) -> UnitTests | None:
    from repocomp.bench.completion.unit_tests import UnitTests

    return None if command is None else UnitTests.of(command)


def _run(
    measure: Callable[[OnProgress], Report], asked: Asked, show_report: Callable[[Report], None] = print_report
) -> int:
    from repocomp.bench.completion.compare import compare
    from repocomp.bench.completion.page import render
    from repocomp.bench.report import load

    if not is_pack(asked.pack):
        output.note("servers do not tell how probable a given text is: bits are those of the pack that decides")
    before = load(asked.old) if asked.old is not None else None
    with progress.bar() as show:
        report = measure(show)
    if asked.html is not None:
        output.file(asked.html, render(report))
    comparison = compare(before, report) if before is not None else None
    code = ExitCode.NOTHING if comparison is not None and comparison.is_regression else ExitCode.OK
    if asked.as_json:
        changes = {"comparison": comparison.to_json()} if comparison is not None else {}
        return output.document("bench", {**report.to_json(), **changes}, code)
    show_report(report)
    if comparison is not None:
        print_comparison(comparison)
    return code


def _kinds(listed: str | None) -> tuple[Kind, ...]:
    from repocomp.bench.holes import ALL, GROUPS

    names = [name.strip() for name in (listed or "cursors").split(",")]
    wanted = {kind for name in names for kind in GROUPS.get(name, (name,))}
    if unknown := wanted - set(ALL):
        hint = f"kinds are {', '.join(ALL)}; groups of them are {' and '.join(GROUPS)}"
        raise BenchError(f"there are no holes of the kind {sorted(unknown)[0]!r}", hint)
    return tuple(kind for kind in ALL if kind in wanted)
