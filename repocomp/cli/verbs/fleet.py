"""`repocomp fleet`: what the repositories of a team teach together, as a pack for its members."""

from __future__ import annotations

import os
from pathlib import Path

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, work_trees, workers_options
from repocomp.cli.words import PACK
from repocomp.errors import DocumentError, ExitCode
from repocomp.executor.workers import Workers

EPILOG = """\b
Examples:
  repocomp fleet repositories.txt ~/team-pack
  repocomp fleet --cluster auto repositories.txt ~/team-pack
  repocomp model add ~/team-pack --name team     (each member)
  repocomp model use team                        (each member)
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--limit", type=Count(min=40), default=300, show_default=True, metavar="N", help="Replays of each repository."
)
@click.option("--pack", type=PACK, default="default", show_default=True, metavar="PACK", help="The pack to learn for.")
@workers_options
@output.json_option
def command(file: Path, out: Path, limit: int, pack: str, workers: Workers, as_json: bool) -> int:
    """Learn from all repositories listed in FILE, and write the pack OUT, which a team can share.

    FILE names a folder on each line; lines that begin with # are left out. Each repository is indexed and
    replayed as by `repocomp learn`; what the replays teach is kept where it is proven to hold also in
    repositories that it was not learned from. OUT is PACK with it: a member of the team adds it, and it holds in each
    repository that has learned nothing of its own.

    OUT holds numbers: no text, no path, no name of a repository, and nothing that only one of them has; feedback is not
    used. A run that was stopped continues where it left off.
    """
    from repocomp.index.build import build
    from repocomp.learn.fleet import fleet

    roots = _listed(file)
    for root in roots:
        with progress.bar(in_bytes=True, wanted=not as_json) as show:
            build(root, progress=show)
    with workers.executor() as executor:
        found = fleet(roots, out, lambda: progress.bar(wanted=not as_json), limit=limit, pack=pack, executor=executor)
    code = ExitCode.OK if found.is_written else ExitCode.NOTHING
    if as_json:
        return output.document("fleet", found.to_json(), code)
    output.note(f"{found.replays:,} replays of {found.repositories:,} repositories")
    for line in output.verdicts(found.to_json()["verdicts"]):
        output.note(line)
    output.note(f"share it:  repocomp model add {out} --name team" if found.is_written else "nothing is proven to help")
    return code


def _listed(file: Path) -> list[Path]:
    """The work trees that a file names, each once."""
    from repocomp.named_files import read_text

    try:
        text = read_text(file)
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{file}: cannot be read ({error})", "name a file with a folder on each line") from error
    lines = [line.strip() for line in text.splitlines()]
    named = [Path(os.path.expanduser(line)) for line in lines if line and not line.startswith("#")]
    if missing := [path for path in named if not path.is_dir()]:
        raise DocumentError(f"{missing[0]}: is not a folder", f"name folders in {file}, one on each line")
    return list(dict.fromkeys(work_trees(named))) if named else []
