"""Options that several suites of `repocomp bench` share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import click

from repocomp.cli import output
from repocomp.cli.options import Count, work_trees, workers_options
from repocomp.cli.words import PACK
from repocomp.config import load_settings
from repocomp.executor.workers import Workers
from repocomp.generate.access import Access
from repocomp.generate.backends import is_pack

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Asked:
    """What every suite can be asked for."""

    seed: int
    pack: str
    policy: str | None
    html: Path | None
    old: Path | None
    workers: Workers
    as_json: bool

    @property
    def access(self) -> Access:
        """That to the server which writes, where one does. Raises ConfigError."""
        return Access() if is_pack(self.pack) else Access.of(load_settings(None, {}), os.environ)


def report_options(suite: Callable[..., int]) -> Callable[..., int]:
    """The options of `Asked`, handed to the suite as one."""

    @wraps(suite)
    def wrapped(
        seed: int,
        pack: str,
        decides: str | None,
        html: Path | None,
        old: Path | None,
        workers: Workers,
        as_json: bool,
        **rest: object,
    ) -> int:
        return suite(Asked(seed, pack, decides, html, old, workers, as_json), **rest)

    options = (
        click.option("--seed", type=Count(), default=0, show_default=True, metavar="N", help="Seed for drawing holes."),
        click.option(
            "--pack",
            type=PACK,
            default="default",
            show_default=True,
            metavar="PACK|SERVER",
            help="The pack to measure, or a server as `complete --generator` names it.",
        ),
        click.option(
            "--policy",
            "decides",
            type=PACK,
            metavar="PACK",
            help="The pack that decides (default: the one that writes).",
        ),
        click.option("--html", type=FILE, metavar="FILE", help="Also write the report as one HTML page."),
        click.option(
            "--compare",
            "old",
            type=FILE,
            metavar="FILE",
            help="Compare with an earlier --json; exit with 1 if it was significantly better.",
        ),
        workers_options,
        output.json_option,
    )
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def tree_options(suite: Callable[..., int]) -> Callable[..., int]:
    """The work trees to measure in, as `roots`, and how many holes to cut into each."""

    @wraps(suite)
    def wrapped(*asked: Asked, paths: tuple[Path, ...], **rest: object) -> int:
        return suite(*asked, roots=work_trees(paths), **rest)

    for option in (
        click.option("--limit", type=Count(min=1), default=100, show_default=True, metavar="N", help="Holes per tree."),
        click.argument("paths", nargs=-1, metavar="[PATH]...", type=FOLDER),
    ):
        wrapped = option(wrapped)
    return wrapped


kinds_option = click.option(
    "--kinds",
    metavar="K,K",
    help="Kinds of holes, or a group of them: cursors (default), where people type; published, as papers report.",
)

run_tests_option = click.option(
    "--run-tests",
    metavar="COMMAND",
    help="Judge bodies of Python functions by this, run in copies without network: 'python -m pytest -x -q'.",
)


def dataset_options(suite: Callable[..., int]) -> Callable[..., int]:
    """A published file, and where its repositories lie."""
    for option in (
        click.option(
            "--limit",
            type=Count(min=1),
            default=10_000,
            show_default=True,
            metavar="N",
            help="At most N lines.",
        ),
        click.option("--repositories", type=FOLDER, metavar="FOLDER", help="The folder that holds the repositories."),
        click.argument("file", type=FILE),
    ):
        suite = option(suite)
    return suite
