"""The history as one picture: acceptance and persistence by week; below, acceptance by language and by arm."""

from __future__ import annotations

from collections.abc import Mapping

from repocomp.charts.trend import Bars, Column, Percentage, trend
from repocomp.feedback.stats import Stats
from repocomp.stats.figures import Figure

_MOST_WEEKS, _MOST_ROWS = 26, 8
_LINES = ("acceptance", "persistence in commit")


def plot(stats: Stats) -> str:
    """The whole picture, as SVG text."""
    weeks = [
        Column(name[2:], figures["acceptance"].n, [_percentage(figures[line]) for line in _LINES])
        for name, figures in list(stats.weeks.items())[-_MOST_WEEKS:]
    ]
    bars = (
        Bars("Acceptance by language", _most(stats.languages)),
        Bars("Acceptance by retrieval arm", _most(stats.arms)),
    )
    return trend("Completions accepted, and what of them persists", _subtitle(stats), _LINES, weeks, bars)


def _subtitle(stats: Stats) -> str:
    shown = stats.overall["acceptance"]
    if shown.value is None:
        return "Nothing was shown yet."
    return (
        f"{shown.n:,} completions shown, {shown.value:.0f} % accepted ({shown.low:.0f} .. {shown.high:.0f});"
        " shades and whiskers are 95 % intervals."
    )


def _most(groups: Mapping[str, Mapping[str, Figure]]) -> list[tuple[str, Percentage]]:
    """The groups with most completions shown."""
    found = [(name, figures["acceptance"]) for name, figures in groups.items() if figures["acceptance"].n]
    ordered = sorted(found, key=lambda item: (-item[1].n, item[0]))[:_MOST_ROWS]
    return [(name, _percentage(figure)) for name, figure in ordered]


def _percentage(figure: Figure) -> Percentage:
    return Percentage(figure.name, figure.n, figure.value, figure.low, figure.high)
