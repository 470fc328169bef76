"""`repocomp index`: build or update the index of a work tree."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count
from repocomp.errors import DocumentError
from repocomp.git import is_bare, work_tree
from repocomp.store.paths import index_path
from repocomp.tree import real

if TYPE_CHECKING:
    from repocomp.index.build import IndexReport
    from repocomp.index.vectors import VectorReport

EPILOG = """\b
Examples:
  repocomp index
  repocomp index ~/src/project --json
  repocomp index ~/src/*
  repocomp index --status
  repocomp index --watch
  repocomp index --vectors
  repocomp index --prune
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--status", is_flag=True, help="Show what the index holds and what is out of date; change nothing.")
@click.option("--rebuild", is_flag=True, help="Build the index from scratch.")
@click.option(
    "--vectors",
    is_flag=True,
    help="From now on, also encode chunks as vectors, which the arms dense, sparse and hybrid need.",
)
@click.option("--watch", is_flag=True, help="Keep running, and index changes as they happen, until Ctrl-C.")
@click.option("--prune", is_flag=True, help="Remove the indexes of work trees that are gone, and do nothing else.")
@click.option("--force", is_flag=True, help="Also index a home folder, or one that holds it.")
@click.option("--jobs", type=Count(min=1), metavar="N", help="Worker processes (default: one per core).")
@click.option("--quiet", is_flag=True, help="Print only errors.")
@output.json_option
def command(
    paths: tuple[Path, ...],
    status: bool,
    rebuild: bool,
    vectors: bool,
    watch: bool,
    prune: bool,
    force: bool,
    jobs: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Index the work trees that hold PATHs (default: this one), or bring their indexes up to date.

    Files are left out by git's ignore rules, by .repocompignore in the root of the tree (gitignore syntax), and when
    they are secret, binary, generated, minified, diffs or over 1 MiB. Your own ~/.config/repocomp/ignore holds for all
    trees, and its `!` patterns alone bring files back. The index lies in your cache folder; the work tree is never
    written.
    """
    if prune:
        return _prune(quiet, as_json)
    roots = list(dict.fromkeys(map(_root, paths or (Path(),))))
    if len(roots) > 1 and (status or watch):
        raise click.UsageError(f"--{'status' if status else 'watch'} is for one work tree at a time.")
    if status:
        return _print_status(roots[0], as_json)
    if not force:
        for root in roots:
            _refuse_everything(root)
    if watch:
        return _watch(roots[0], jobs, rebuild, vectors, quiet, as_json)
    from repocomp.index.build import build
    from repocomp.index.walk import caveats

    wanted, done = not quiet and not as_json, []
    for root in roots:
        with progress.bar(in_bytes=True, wanted=wanted) as show:
            report = build(root, progress=show, jobs=jobs, rebuild=rebuild)
        made = encode(root, begin=vectors, wanted=wanted)
        done.append(_facts(root, report, made))
        if wanted:
            name = [f"{root.name}:"] if len(roots) > 1 else []
            output.note("\n".join([*name, _summary(report, made), *(f"warning: {line}" for line in caveats(root))]))
    if as_json:
        return output.document("index", done[0] if len(done) == 1 else {"repositories": done})
    return 0


def _root(path: Path) -> Path:
    """The work tree that holds `path`, or the folder itself. Raises DocumentError."""
    if not path.is_dir():
        raise DocumentError(f"{path}: is not a folder", "repocomp index FOLDER")
    return real(path) if is_bare(path) else work_tree(path) or real(path)


def _refuse_everything(root: Path) -> None:
    """Raise DocumentError for the home folder, or one that holds it: hardly anybody means to index all of that."""
    if real(Path.home()).is_relative_to(root) and not index_path(root).exists():
        raise DocumentError(
            f"{root} {'is your home folder' if root == real(Path.home()) else 'holds your home folder'}, not a project",
            f"cd to a project, or name one; if you mean all of it: repocomp index {shlex.quote(str(root))} --force",
        )


def _prune(quiet: bool, as_json: bool) -> int:
    from repocomp.index.prune import prune

    removed = prune()
    size = sum(index.bytes for index in removed)
    if as_json:
        return output.document("index", {"pruned": [str(index.root) for index in removed], "bytes": size})
    for index in removed:
        output.line(f"removed the index of {index.root}")
    if not quiet:
        output.note(f"{len(removed):,} indexes removed, {size / 1e6:.1f} MB")
    return 0


def _watch(root: Path, jobs: int | None, rebuild: bool, vectors: bool, quiet: bool, as_json: bool) -> int:
    """Report each change: one line, or one JSON document a line. Vectors follow before the next change is looked at."""
    from repocomp.index.watch import changes, watch

    for number, report in enumerate(watch(root, changes(root), jobs=jobs, rebuild=rebuild)):
        made = encode(root, begin=vectors, wanted=False)
        if as_json:
            output.document("index", _facts(root, report, made))
        elif not quiet and number == 0:
            output.note(f"{_summary(report, made)}\nwatching {root}; Ctrl-C ends it")
        elif not quiet:
            files = report.indexed + report.reused
            took = report.seconds + (made.seconds if made is not None else 0)
            output.note(f"{files:,} indexed, {report.removed:,} gone in {1000 * took:.0f} ms")
    return 0


def _facts(root: Path, report: IndexReport, made: VectorReport | None) -> dict[str, Any]:
    counts = None if made is None else made.to_json()
    return {"root": str(root), **report.to_json(), "vectors": counts}


def encode(root: Path, begin: bool, wanted: bool) -> VectorReport | None:
    """Make the vectors that are missing, with a bar where `wanted`; completions can use the index meanwhile.

    None where there are none to follow the index and none are to `begin`, or no encoder is there.
    """
    from repocomp.index.vectors import build_vectors, has_vectors
    from repocomp.model.encoder import shipped_encoder

    encoder = shipped_encoder() if begin or has_vectors(root) else None
    if encoder is None:
        return None
    with progress.bar(wanted=wanted) as show:
        return build_vectors(root, encoder, show)


def _print_status(root: Path, as_json: bool) -> int:
    from repocomp.index.status import status

    facts = status(root)
    if as_json:
        return output.document("index", facts)
    output.columns((name.replace("_", " "), value) for name, value in facts.items())
    return 0


def _summary(report: IndexReport, made: VectorReport | None) -> str:
    rate = f", {report.lines / report.seconds:,.0f} lines/s" if report.lines else ""
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(report.skipped.items()))
    summary = (
        f"{report.indexed + report.reused + report.unchanged:,} files indexed: {report.indexed:,} read,"
        f" {report.reused:,} known, {report.unchanged:,} unchanged, {report.removed:,} gone;"
        f" {report.lines:,} lines in {report.seconds:.2f} s{rate}" + (f"\nskipped: {left_out}" if left_out else "")
    )
    if made is None or not made.encoded:
        return summary
    return f"{summary}\n{made.encoded:,} chunks encoded in {made.seconds:.2f} s"
