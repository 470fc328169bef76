"""The tables of `repocomp feedback stats`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from repocomp.cli import output

if TYPE_CHECKING:
    from repocomp.feedback.stats import Stats
    from repocomp.stats.figures import Figure

_COLUMNS = {
    "accepted %": "acceptance",
    "chars %": "acceptance by characters",
    "in commit %": "persistence in commit",
    "typed anyway %": "typed anyway",
    "skipped %": "skip rate",
    "p50 ms": "latency p50",
    "p95 ms": "latency p95",
}
_LATEST = 12


def print_stats(stats: Stats) -> None:
    """Print every figure with its definition, then the groups, whose columns are the same figures."""
    from rich.table import Table

    console = output.table_console()
    table = Table("figure", "value", "95 %", "n", "definition", title="feedback")
    for figure in stats.overall.values():
        table.add_row(figure.name, _value(figure), _interval(figure), f"{figure.n:,}", figure.definition)
    console.print(table)
    latest = dict(list(stats.weeks.items())[-_LATEST:])
    for name, groups in (("language", stats.languages), ("arm in the prompt", stats.arms), ("week", latest)):
        console.print(_grouped(name, groups))


def _grouped(name: str, groups: Mapping[str, Mapping[str, Figure]]) -> object:
    from rich.table import Table

    table = Table(name, "shown", *_COLUMNS, caption="value (95 % interval), and n where it is not what was shown")
    for group, figures in groups.items():
        shown = figures["acceptance"].n
        cells = [_short(figures[column], shown) for column in _COLUMNS.values()]
        table.add_row(group, f"{shown:,}", *cells)
    return table


def _value(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    return f"{figure.value:+.1f} {figure.unit}" if figure.unit == "points" else f"{figure.value:.1f} {figure.unit}"


def _interval(figure: Figure) -> str:
    return "" if figure.value is None else f"{figure.low:.1f} .. {figure.high:.1f}"


def _short(figure: Figure, usual: int) -> str:
    """The value, its interval and, where it is another than `usual`, its count, in one cell."""
    if figure.value is None:
        return "-"
    text = f"{figure.value:.0f} ({figure.low:.0f}..{figure.high:.0f})"
    return text if figure.n == usual else f"{text}\nn {figure.n:,}"
