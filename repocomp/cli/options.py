"""What options and arguments take: finite numbers, counts that every library below can hold, and work trees."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from repocomp.executor.workers import Workers

Command = TypeVar("Command", bound=Callable[..., int])
MOST = 2**31 - 1


def work_trees(paths: Sequence[Path]) -> list[Path]:
    """The work trees that hold `paths`, or the one that holds the working directory; a path in none stands alone."""
    from repocomp.git import work_tree

    return [work_tree(path) or Path(os.path.realpath(path)) for path in paths or (Path.cwd(),)]


class Number(click.FloatRange):
    """A finite number of a range: `nan` is in none, though no comparison says so."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """The number, or click's own error."""
        number: float = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        converted: float = super().convert(number, param, ctx)
        return converted

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()


class Count(click.IntRange):
    """A whole number of a range that ends at 2³¹ - 1 unless it ends before."""

    def __init__(self, min: int = -MOST, max: int = MOST) -> None:  # noqa: A002  (click's words)
        super().__init__(min, max)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        """The number, or click's own error, which names no more digits than one can read."""
        if isinstance(value, str) and len(value) > len(str(MOST)) + 1:
            self.fail(f"{value[:12]}… is not in the range of whole numbers up to {MOST}.", param, ctx)
        converted: int = super().convert(value, param, ctx)
        return converted

    def _describe_range(self) -> str:
        """What the help says: the limit that a user may meet."""
        return "" if self.min == -MOST else f"x>={self.min}" if self.max == MOST else super()._describe_range()


def workers_options(command: Command) -> Command:
    """Who does the work: so many processes, or a cluster; handed on as `workers`."""

    @wraps(command)
    def wrapped(*arguments: Any, jobs: int | None, cluster: str | None, **rest: Any) -> int:  # noqa: ANN401
        if jobs is not None and cluster is not None:
            raise click.UsageError("--jobs and --cluster exclude each other: a cluster has its own processors.")
        return command(*arguments, workers=Workers(jobs or 1, cluster), **rest)

    for option in (
        click.option(
            "--cluster",
            metavar="auto|HOST:PORT",
            help="Do the work on a Ray cluster: the one that this machine belongs to, or that at an address.",
        ),
        click.option(
            "--jobs",
            type=Count(min=1),
            metavar="N",
            help="Worker processes (default: 1); more are faster but make timings less exact.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
