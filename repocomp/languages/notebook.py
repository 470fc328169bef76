"""Jupyter notebooks: the code of their cells, read from the JSON text so that each line stays where it stands there.

Notebooks as Jupyter writes them hold one line of code per line of JSON. Where a line of JSON holds several, the code
flows down over the lines that follow, which hold no code of their own until the next cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

# A string that is never closed reaches the end, or each of its quotes would be tried up to there.
_TOKEN = re.compile(r"\"[^\"\\]*+(?:\\.[^\"\\]*+)*+(?:\"|\\?\Z)|[{}\[\]:,]|[^\s{}\[\]:,\"]+", re.S)
_CODE_KEYS = frozenset({"source", "input"})
_DEFAULT = "python"
_DEEPEST, _MOST_TOKENS = 100, 1_000_000
_MAGIC = r"^[ \t]*[%!?][^\n]*$"
_OTHER_LANGUAGE = re.compile(r"\s*%%(?!time|capture|prun|debug|python)\w")
"""A magic that hands the cell to something other than the kernel."""


@dataclass(slots=True)
class _Value:
    """An object or an array of the JSON while it is read.

    `key` is that of the value that comes next, "" where a key does; `strings` are its plain values, and `pieces` the
    JSON strings that its code consists of, each with its line (from 0).
    """

    is_array: bool
    key: str = ""
    strings: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[int, str]] = field(default_factory=list)


def language(text: str) -> str:
    """What the notebook says that its kernel speaks."""
    return _read(text)[0]


def cells(text: str) -> str:
    """The code cells of a notebook, each line of code at its line of the JSON text, or at the first free one below."""
    return _read(text)[1]


def without_magics(text: str) -> str:
    """Code cells with empty lines for what only the notebook understands."""
    return re.sub(_MAGIC, "", text, flags=re.M)


# A file's language and its text are asked for one after the other.
@lru_cache(maxsize=1)
def _read(text: str) -> tuple[str, str]:
    """The name of the language, and the text of the cells."""
    names: dict[str, str] = {}
    lines: list[str] = []
    for key, item in _objects(text):
        if key == "kernelspec":
            names[key] = item.strings.get("language", "")
        elif key == "language_info":
            names[key] = item.strings.get("name", "")
        elif item.strings.get("cell_type") == "code":
            _place(list(_code_lines(item.pieces)), lines)
    lines.extend([""] * (text.count("\n") + 1 - len(lines)))
    return names.get("language_info") or names.get("kernelspec") or _DEFAULT, "\n".join(lines)


def _place(cell: list[tuple[int, str]], lines: list[str]) -> None:
    """Add the lines of a cell to those of the cells before it, where they stand or as soon as there is room."""
    if not cell or _OTHER_LANGUAGE.match("\n".join(line for _, line in cell)):
        return
    for number, line in cell:
        lines.extend([""] * (number - len(lines)))
        lines.append(line)
    # Cells never run into each other.
    lines.append("")


def _code_lines(pieces: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """(line of the JSON, line of code) of a cell, whose strings stand for one text."""
    line, at = "", 0
    for number, piece in pieces:
        at = at if line else number
        first, *others = _decoded(piece).replace("\r\n", "\n").split("\n")
        line += first
        for other in others:
            yield at, line
            line, at = other, number
    if line:
        yield at, line


def _decoded(token: str) -> str:
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return ""


def _objects(text: str) -> Iterator[tuple[str, _Value]]:
    """Every whole object of a JSON text, be it broken, with the key it stands under; inner ones first.

    A text that is deeper or has more values than any notebook is read no further.
    """
    stack = [_Value(True)]
    line = at = 0
    for match in islice(_TOKEN.finditer(text), _MOST_TOKENS):
        token, top = match[0], stack[-1]
        line += text.count("\n", at, match.start())
        at = match.start()
        if len(stack) > _DEEPEST:
            return
        if token in ("{", "["):
            stack.append(_Value(token == "["))
        elif token in ("}", "]") and len(stack) > 1:
            stack.pop()
            if not top.is_array:
                yield stack[-1].key, top
            elif stack[-1].key in _CODE_KEYS:
                stack[-1].pieces = top.pieces
        elif token == "," and not top.is_array:
            top.key = ""
        elif token[0] == '"':
            _take(top, token, line)


def _take(value: _Value, token: str, line: int) -> None:
    """A string has come: an element, a key, or the value of one."""
    if value.is_array or value.key in _CODE_KEYS:
        value.pieces.append((line, token))
    elif not value.key:
        value.key = token[1:-1]
    else:
        value.strings[value.key] = token[1:-1]
