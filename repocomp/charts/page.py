"""One page of HTML that needs nothing else, and the pieces it is made of; `svg` draws in its colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --faint: #6b7684; --paper: #fff; --panel: #f5f7f9; --rule: #dde2e8;
  --a: #2764c4; --b: #d2681c; --c: #2c8a57; --d: #8d5bb8; --e: #16838f; --truth: #cfe8d8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --faint: #94a0ae; --paper: #14181d; --panel: #1d232a;
  --rule: #323a44; --a: #6fa3f2; --b: #f09a57; --c: #63c48f; --d: #bd93e0; --e: #5cc6d4;
  --truth: #24503a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } .faint, figcaption { color: var(--faint); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 1.2rem; } mark { color: inherit; background: var(--truth); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1.5rem; }
figure { margin: 0; background: var(--panel); border-radius: 8px; padding: .8rem; } svg { width: 100%; height: auto; }
.grid { stroke: var(--rule); } .tick, .axis, .name { fill: var(--faint); font-size: 11px; } .name { fill: var(--ink); }
polyline { fill: none; stroke-width: 2; }
.a { stroke: var(--a); fill: var(--a); } .b { stroke: var(--b); fill: var(--b); }
.c { stroke: var(--c); fill: var(--c); } .d { stroke: var(--d); fill: var(--d); }
.e { stroke: var(--e); fill: var(--e); } .n { stroke: var(--faint); }
rect.n { fill: var(--faint); } polyline.a, polyline.b, polyline.n { fill: none; }
details { border-bottom: 1px solid var(--rule); padding: .3rem 0; } summary { cursor: pointer; }
pre { background: var(--panel); padding: .5rem; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; }
.tag { border-radius: 4px; padding: 0 .4rem; font-size: .85em; border: 1px solid currentColor; }
.helped { color: var(--c); } .harmed { color: var(--b); } .same { color: var(--faint); }
"""


def page(title: str, facts: str, body: Iterable[str]) -> str:
    """The whole page under a title and a line of `facts`; `body` is HTML, the rest is escaped."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1><p class=faint>{escape(facts)}</p>",
            *body,
            "</body></html>",
        ]
    )


def figure(svg: str, caption: str, legend: Sequence[tuple[str, str]] = ()) -> str:
    """A drawing with its caption; `legend` names (css class, name) of its colours."""
    keys = "".join(f' <span style="color: var(--{css})">■</span> {escape(name)}' for css, name in legend)
    return f"<figure>{svg}<figcaption>{escape(caption)}{keys}</figcaption></figure>"


def table(names: Sequence[str], rows: Iterable[str]) -> str:
    """A table under its head; `rows` are HTML. Where a screen is too narrow for it, it is scrolled by itself."""
    head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"
    return f'<div class="wide"><table>{head}{"".join(rows)}</table></div>'


def glossary(title: str, terms: Iterable[tuple[str, str]]) -> str:
    """Terms with what they mean, folded."""
    rows = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in terms)
    return f"<details><summary>{escape(title)}</summary><dl>{rows}</dl></details>"


def row(cells: Sequence[str], css: str = "") -> str:
    """A row of a table."""
    of_class = f' class="{css}"' if css else ""
    return f"<tr{of_class}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
