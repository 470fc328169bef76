"""The history as one picture: SVG text without library or script, readable on light and on dark ground.

Above, acceptance and persistence by week, each with its interval; below, acceptance by language and by retrieval arm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from repocomp.feedback.stats import Stats
from repocomp.stats.figures import Figure

_WIDTH = 860
_LEFT, _RIGHT = 62, 26
_PLOT = 220
_ROW = 30
_MOST_WEEKS, _MOST_ROWS = 26, 8
_LINES = (("acceptance", "a"), ("persistence in commit", "b"))
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


def plot(stats: Stats) -> str:
    """The whole picture. Figures without anything to count leave a gap, never a zero."""
    languages = _most(stats.languages)
    arms = _most(stats.arms)
    below = 118 + _PLOT + 74
    height = below + 28 + _ROW * max(len(languages), len(arms), 1) + 30
    half = (_WIDTH - _LEFT - _RIGHT) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' role="img" aria-label="acceptance and persistence of completions">',
        f"<style>{_STYLE}</style>",
        '<text class="title" x="24" y="34">Completions accepted, and what of them persists</text>',
        f'<text class="faint" x="24" y="56">{escape(_subtitle(stats))}</text>',
        *_legend(),
        *_weeks(stats.weeks, 118),
        *_bars("Acceptance by language", languages, 24, below, half - 8),
        *_bars("Acceptance by retrieval arm", arms, 24 + half + 24, below, half - 8),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _subtitle(stats: Stats) -> str:
    shown = stats.overall["acceptance"]
    if shown.value is None:
        return "Nothing was shown yet."
    return (
        f"{shown.n:,} completions shown, {shown.value:.0f} % accepted ({shown.low:.0f} .. {shown.high:.0f});"
        " shades and whiskers are 95 % intervals."
    )


def _legend() -> Iterator[str]:
    at = 24.0
    for name, css in _LINES:
        yield f'<rect class="key {css}" x="{at:.0f}" y="76" width="14" height="4" rx="2"/>'
        yield f'<text x="{at + 20:.0f}" y="83">{escape(name)}</text>'
        at += 44 + 7.2 * len(name)


def _weeks(weeks: Mapping[str, Mapping[str, Figure]], top: int) -> Iterator[str]:
    names = list(weeks)[-_MOST_WEEKS:]
    bottom = top + _PLOT
    for percent in range(0, 101, 25):
        y = bottom - _PLOT * percent / 100
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="faint" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(names))
    xs = [_LEFT + step * (at + 0.5) for at in range(len(names))]
    for figure, css in _LINES:
        yield from _line([weeks[name][figure] for name in names], xs, bottom, css)
    every = max(1, round(len(names) / 13))
    for x, name in list(zip(xs, names, strict=True))[::-every][::-1]:
        yield f'<text class="faint" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{escape(name[2:])}</text>'
        n = weeks[name]["acceptance"].n
        yield f'<text class="faint" x="{x:.1f}" y="{bottom + 36}" text-anchor="middle">n {n:,}</text>'
    yield f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>'


def _line(figures: Sequence[Figure], xs: Sequence[float], bottom: int, css: str) -> Iterator[str]:
    """Runs of weeks that have a value; a gap where a week has none."""

    def y(value: float) -> float:
        return bottom - _PLOT * value / 100

    runs: list[list[tuple[float, Figure]]] = [[]]
    for x, figure in zip(xs, figures, strict=True):
        if figure.value is None:
            runs.append([])
        else:
            runs[-1].append((x, figure))
    for run in filter(None, runs):
        upper = [f"{x:.1f},{y(figure.high or 0):.1f}" for x, figure in run]
        lower = [f"{x:.1f},{y(figure.low or 0):.1f}" for x, figure in run]
        if len(run) > 1:
            yield f'<polygon class="band {css}" points="{" ".join([*upper, *reversed(lower)])}"/>'
            points = " ".join(f"{x:.1f},{y(figure.value or 0):.1f}" for x, figure in run)
            yield f'<polyline class="line {css}" points="{points}"/>'
        for x, figure in run:
            at = f'cx="{x:.1f}" cy="{y(figure.value or 0):.1f}"'
            yield f'<circle class="dot {css}" {at} r="3.5">{_title(figure)}</circle>'


def _bars(title: str, groups: Sequence[tuple[str, Figure]], left: float, top: int, width: float) -> Iterator[str]:
    yield f'<text class="head" x="{left:.0f}" y="{top}">{escape(title)}</text>'
    start, end = left + 104, left + width - 74
    for at, (name, figure) in enumerate(groups):
        y = top + 16 + _ROW * at

        def x(value: float, start: float = start, end: float = end) -> float:
            return start + (end - start) * value / 100

        yield f'<text x="{start - 10:.1f}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
        value, low, high = figure.value or 0, figure.low or 0, figure.high or 0
        yield (
            f'<rect class="track" x="{start:.1f}" y="{y + 2}" width="{end - start:.1f}" height="18" rx="2"/>'
            f'<rect class="bar a" x="{start:.1f}" y="{y + 2}" width="{max(1.0, x(value) - start):.1f}"'
            f' height="18" rx="2">{_title(figure)}</rect>'
            f'<line class="whisker" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y + 11}" y2="{y + 11}"/>'
        )
        yield f'<text class="faint" x="{end + 10:.1f}" y="{y + 15}">{value:.0f} %, n {figure.n:,}</text>'
    yield f'<line class="axis" x1="{start:.1f}" x2="{start:.1f}" y1="{top + 14}" y2="{top + 16 + _ROW * len(groups)}"/>'


def _most(groups: Mapping[str, Mapping[str, Figure]]) -> list[tuple[str, Figure]]:
    """The groups with most completions shown."""
    found = [(name, figures["acceptance"]) for name, figures in groups.items() if figures["acceptance"].n]
    return sorted(found, key=lambda item: (-item[1].n, item[0]))[:_MOST_ROWS]


def _title(figure: Figure) -> str:
    return f"<title>{escape(figure.name)}: {figure.value} % ({figure.low} .. {figure.high}), n {figure.n}</title>"
