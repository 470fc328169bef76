"""What options and arguments take: finite numbers, counts that every library below can hold, and work trees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

MOST = 2**31 - 1


def work_trees(paths: Sequence[Path]) -> list[Path]:
    """The work trees that hold `paths`, or the one that holds the working directory; a path in none stands alone."""
    from repocomp.git import work_tree

    return [work_tree(path) or path.resolve() for path in paths or (Path.cwd(),)]


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
