"""Charts as SVG text: no library, no script, colours from the page so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 42
_TICKS = 5
_NEAR = 24

Places = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """Places joined by a line, in data units; `dashed` for what was not measured."""

    places: Places
    css: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A named place."""

    x: float
    y: float
    name: str
    css: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Data units to pixels. An empty range is widened, so that one point can be drawn too."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float) -> Scale:
        """Cover `values` with a tenth to spare on either side."""
        some = list(values)
        low, high = min(some), max(some)
        spare = (high - low) / 10 or max(0.5, abs(high) / 10)
        return cls(low - spare, high + spare, start, end)

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round values, evenly spaced."""
        rough = (self.high - self.low) / _TICKS
        magnitude: float = 10.0 ** math.floor(math.log10(rough))
        step = next(round_ * magnitude for round_ in (1, 2, 5, 10) if round_ * magnitude >= rough)
        first = math.ceil(self.low / step)
        return [step * n for n in range(first, math.floor(self.high / step) + 1)]


def plane(title: str, x_name: str, y_name: str, lines: Sequence[Line], dots: Sequence[Dot]) -> str:
    """Lines and dots over two axes."""
    xs = [x for line in lines for x, _ in line.places] + [dot.x for dot in dots]
    ys = [y for line in lines for _, y in line.places] + [dot.y for dot in dots]
    x, y = Scale.over(xs, _LEFT, WIDTH - _RIGHT), Scale.over(ys, HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *(_grid(x, y)),
        f'<text class="axis" x="{(_LEFT + WIDTH) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>',
        f'<text class="axis" transform="translate(12 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_name)}</text>",
    ]
    for line in lines:
        points = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in line.places)
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        parts.append(f'<polyline class="{line.css}" points="{points}"{dash}/>')
    placed = [(x.at(dot.x), y.at(dot.y), dot) for dot in dots]
    parts += [f'<circle class="{dot.css}" cx="{a:.1f}" cy="{b:.1f}" r="4.5"/>' for a, b, dot in placed]
    return "\n".join([*parts, *_names(placed), "</svg>"])


def stacked(rows: Sequence[tuple[str, Sequence[tuple[str, float, str]]]], unit: str, width: int = WIDTH) -> str:
    """Horizontal bars of (name, value, css) parts, one row each, on one scale."""
    longest = max((sum(value for _, value, _ in parts) for _, parts in rows), default=0) or 1
    height = 34 * len(rows) + 4
    out = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="bars">']
    for number, (name, parts) in enumerate(rows):
        top = 34 * number + 4
        out.append(f'<text class="axis" x="0" y="{top + 18}">{escape(name)}</text>')
        left = 90.0
        for part, value, css in parts:
            long = value / longest * (width - 160)
            out.append(
                f'<rect class="{css}" x="{left:.1f}" y="{top}" width="{max(0.0, long):.1f}" height="26">'
                f"<title>{escape(part)}: {value:.1f} {escape(unit)}</title></rect>"
            )
            left += long
        total = sum(value for _, value, _ in parts)
        out.append(f'<text class="axis" x="{left + 6:.1f}" y="{top + 18}">{total:.1f} {escape(unit)}</text>')
    return "\n".join([*out, "</svg>"])


def _grid(x: Scale, y: Scale) -> list[str]:
    vertical = [
        f'<line class="grid" x1="{x.at(v):.1f}" x2="{x.at(v):.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
        f'<text class="tick" x="{x.at(v):.1f}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle">{v:.4g}</text>'
        for v in x.ticks
    ]
    horizontal = [
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y.at(v):.1f}" y2="{y.at(v):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y.at(v) + 4:.1f}" text-anchor="end">{v:.4g}</text>'
        for v in y.ticks
    ]
    return vertical + horizontal


def _names(placed: Sequence[tuple[float, float, Dot]]) -> Iterator[str]:
    """The names of dots, one label where dots would write over each other."""
    left = [(x, y, dot.name) for x, y, dot in placed if dot.name]
    while left:
        x, y, _ = left[0]
        near = [one for one in left if abs(one[0] - x) < _NEAR and abs(one[1] - y) < _NEAR]
        left = [one for one in left if one not in near]
        anchor, shift = ("end", -8) if x > WIDTH * 0.6 else ("start", 8)
        text = escape(", ".join(name for _, _, name in near))
        yield f'<text class="name" x="{x + shift:.1f}" y="{y - 6:.1f}" text-anchor="{anchor}">{text}</text>'
