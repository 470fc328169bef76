"""Percentages over time with their intervals, and bars below: one picture, readable on light and on dark ground.

SVG text without library or script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 860
_LEFT, _RIGHT = 62, 26
_TOP, _PLOT = 118, 220
_ROW = 30
_HUES = "ab"
_MOST_LABELS = 13
_STYLE = """
svg { background: #fff; color: #1c2733; font: 13px system-ui, -apple-system, "Segoe UI", sans-serif }
text { fill: currentColor } .title { font-size: 17px; font-weight: 600 } .head { font-weight: 600 }
.faint { fill: #5b6875; font-size: 12px } .grid { stroke: #dde3e9 } .axis { stroke: #9aa6b2 }
.a { --hue: #1f6fb2 } .b { --hue: #c2571a }
.line { fill: none; stroke: var(--hue); stroke-width: 2 } .dot, .bar, .key { fill: var(--hue) }
.band { fill: var(--hue); opacity: .15 } .track { fill: #f1f4f7 }
.bar { opacity: .8 } .whisker { stroke: currentColor; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  svg { background: #14191f; color: #e3e9ef }
  .faint { fill: #93a1af } .grid { stroke: #29323c } .axis { stroke: #55616e }
  .a { --hue: #6bb3f0 } .b { --hue: #f0965c } .track { fill: #1e252d }
}
"""


@dataclass(frozen=True, slots=True)
class Percentage:
    """`value` between `low` and `high`, all in percent, about `n` things; None where there is nothing to count."""

    name: str
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Column:
    """One moment: its label, how many things it is about, and a percentage for each line of the chart."""

    label: str
    n: int
    values: Sequence[Percentage]


@dataclass(frozen=True, slots=True)
class Bars:
    """A titled group of horizontal bars: (label, percentage) each."""

    title: str
    rows: Sequence[tuple[str, Percentage]]


def trend(title: str, subtitle: str, lines: Sequence[str], columns: Sequence[Column], bars: tuple[Bars, Bars]) -> str:
    """The picture of at most two named `lines` over `columns`. What has no value leaves a gap, never a zero."""
    below = _TOP + _PLOT + 74
    height = below + 28 + _ROW * max(*(len(group.rows) for group in bars), 1) + 30
    half = (_WIDTH - _LEFT - _RIGHT) / 2
    first, second = bars
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        f' role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="24" y="34">{escape(title)}</text>',
        f'<text class="faint" x="24" y="56">{escape(subtitle)}</text>',
        *_legend(lines),
        *_plot(lines, columns),
        *_bars(first, 24, below, half - 8),
        *_bars(second, 24 + half + 24, below, half - 8),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(lines: Sequence[str]) -> Iterator[str]:
    at = 24.0
    for name, css in zip(lines, _HUES, strict=False):
        yield f'<rect class="key {css}" x="{at:.0f}" y="76" width="14" height="4" rx="2"/>'
        yield f'<text x="{at + 20:.0f}" y="83">{escape(name)}</text>'
        at += 44 + 7.2 * len(name)


def _plot(lines: Sequence[str], columns: Sequence[Column]) -> Iterator[str]:
    bottom = _TOP + _PLOT
    for percent in range(0, 101, 25):
        y = bottom - _PLOT * percent / 100
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="faint" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(columns))
    xs = [_LEFT + step * (at + 0.5) for at in range(len(columns))]
    for number, css in zip(range(len(lines)), _HUES, strict=False):
        yield from _line([column.values[number] for column in columns], xs, bottom, css)
    every = max(1, round(len(columns) / _MOST_LABELS))
    for x, column in list(zip(xs, columns, strict=True))[::-every][::-1]:
        yield f'<text class="faint" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{escape(column.label)}</text>'
        yield f'<text class="faint" x="{x:.1f}" y="{bottom + 36}" text-anchor="middle">n {column.n:,}</text>'
    yield f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>'


def _line(values: Sequence[Percentage], xs: Sequence[float], bottom: int, css: str) -> Iterator[str]:
    """Runs of columns that have a value; a gap where one has none."""

    def y(value: float) -> float:
        return bottom - _PLOT * value / 100

    runs: list[list[tuple[float, Percentage]]] = [[]]
    for x, one in zip(xs, values, strict=True):
        if one.value is None:
            runs.append([])
        else:
            runs[-1].append((x, one))
    for run in filter(None, runs):
        upper = [f"{x:.1f},{y(one.high or 0):.1f}" for x, one in run]
        lower = [f"{x:.1f},{y(one.low or 0):.1f}" for x, one in run]
        if len(run) > 1:
            yield f'<polygon class="band {css}" points="{" ".join([*upper, *reversed(lower)])}"/>'
            points = " ".join(f"{x:.1f},{y(one.value or 0):.1f}" for x, one in run)
            yield f'<polyline class="line {css}" points="{points}"/>'
        for x, one in run:
            at = f'cx="{x:.1f}" cy="{y(one.value or 0):.1f}"'
            yield f'<circle class="dot {css}" {at} r="3.5">{_title(one)}</circle>'


def _bars(group: Bars, left: float, top: int, width: float) -> Iterator[str]:
    yield f'<text class="head" x="{left:.0f}" y="{top}">{escape(group.title)}</text>'
    start, end = left + 104, left + width - 74
    for at, (label, one) in enumerate(group.rows):
        y = top + 16 + _ROW * at

        def x(value: float, start: float = start, end: float = end) -> float:
            return start + (end - start) * value / 100

        yield f'<text x="{start - 10:.1f}" y="{y + 15}" text-anchor="end">{escape(label)}</text>'
        value, low, high = one.value or 0, one.low or 0, one.high or 0
        yield (
            f'<rect class="track" x="{start:.1f}" y="{y + 2}" width="{end - start:.1f}" height="18" rx="2"/>'
            f'<rect class="bar a" x="{start:.1f}" y="{y + 2}" width="{max(1.0, x(value) - start):.1f}"'
            f' height="18" rx="2">{_title(one)}</rect>'
            f'<line class="whisker" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y + 11}" y2="{y + 11}"/>'
        )
        yield f'<text class="faint" x="{end + 10:.1f}" y="{y + 15}">{value:.0f} %, n {one.n:,}</text>'
    bottom = top + 16 + _ROW * len(group.rows)
    yield f'<line class="axis" x1="{start:.1f}" x2="{start:.1f}" y1="{top + 14}" y2="{bottom}"/>'


def _title(one: Percentage) -> str:
    return f"<title>{escape(one.name)}: {one.value} % ({one.low} .. {one.high}), n {one.n}</title>"
