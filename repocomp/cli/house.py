"""The floors of the house, and the map of its rooms that CONTRIBUTING.md shows, read from one docstring per room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import repocomp

ROOT = Path(repocomp.__file__).parent
FLOORS = (
    ("cli",),
    ("serve", "editors", "bench", "train"),
    ("service", "learn"),
    ("evaluate",),
    ("complete",),
    ("policy", "generate", "feedback"),
    ("prompt",),
    ("retrieve", "index", "executor"),
    ("store", "model"),
    ("stats", "charts", "languages"),
    ("secrets",),
)
"""From what people touch down to what parts stand on. Files in the package itself are the ground."""

_MARKS = "<!-- rooms: python -m repocomp.cli.pages -->", "<!-- end of rooms -->"
_WIDTH = 14


def with_map(text: str) -> str:
    """`text` with the map between its marks brought up to date. Raises ValueError where a mark is missing."""
    start, end = (text.index(mark) for mark in _MARKS)
    rows = "\n".join(_rows())
    return f"{text[: start + len(_MARKS[0])]}\n\n```text\n{rows}\n```\n\n{text[end:]}"


def purpose(path: Path) -> str:
    """The first sentence of a module's docstring, or nothing."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def _rows() -> Iterator[str]:
    for floor in FLOORS:
        yield from (_row(f"{room}/", ROOT / room / "__init__.py") for room in floor)
        yield ""
    ground = sorted(path for path in ROOT.glob("*.py") if not path.name.startswith("__"))
    yield from (_row(path.name, path) for path in ground)


def _row(name: str, path: Path) -> str:
    return f"{name:<{_WIDTH}}{purpose(path)}"
