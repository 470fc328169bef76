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

from repocomp.languages.embedded import Embedded
from repocomp.languages.table import language as language_named
from repocomp.languages.table import language_called

# A string that is never closed reaches the end, or each of its quotes would be tried up to there.
_TOKEN = re.compile(r"\"[^\"\\]*+(?:\\.[^\"\\]*+)*+(?:\"|\\?\Z)|[{}\[\]:,]|[^\s{}\[\]:,\"]+", re.S)
_CODE_KEYS = frozenset({"source", "input"})
_DEFAULT = "python"
_DEEPEST, _MOST_TOKENS = 100, 1_000_000
_MAGIC = r"^[ \t]*[%!?][^\n]*$"
_LINE = r"^(?=.*\S)"
_MAGIC_START = r"^(?=[ \t]*[%!?])"
_KEY = re.compile(r"\s*\"\w+\":")
_OTHER_LANGUAGE = re.compile(r"\s*%%(?!time|capture|prun|debug|python)(\w+)")
"""A magic that hands the cell to something other than the kernel."""


@dataclass(slots=True)
class _Value:
    """An object or an array of the JSON while it is read.

    `key` is that of the value that comes next, "" where a key does; `strings` are its plain values, and `pieces` the
    JSON strings that its code consists of, each with its line (from 0) and the place where it begins.
    """

    is_array: bool
    key: str = ""
    strings: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[int, str, int]] = field(default_factory=list)


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


def cell_at(text: str, at: int) -> Embedded | None:
    """The code of all cells for a cursor in one of them, with all else as comments; None for a cursor elsewhere.

    A buffer that is no JSON is code already: there are editors that show notebooks so.
    """
    if not text.lstrip().startswith("{"):
        return Embedded(text, at)
    name = language_called(language(text))
    known = language_named(name)
    before, offset = "", None
    for _, cell in _objects(text):
        kind = cell.strings.get("cell_type")
        if not cell.pieces or kind not in ("code", "markdown"):
            continue
        source = "".join(_decoded(piece) for _, piece, _ in cell.pieces)
        inside = _place_in(cell, at) if kind == "code" else None
        if inside is not None and (other := _OTHER_LANGUAGE.match(source)) is not None:
            return Embedded(source, inside, language_called(other[1]), False, _line_end(text, at), is_json=True)
        is_prose = kind == "markdown" or _OTHER_LANGUAGE.match(source) is not None
        mark = known.line_comment if known is not None else "#"
        if inside is not None:
            offset = len(before) + inside
        else:
            source = re.sub(_LINE if is_prose else _MAGIC_START, f"{mark} ", source.rstrip("\n"), flags=re.M)
        before += f"{source}\n\n"
    if offset is None:
        return None
    return Embedded(before, offset, name, False, _line_end(text, at), is_json=True)


def _place_in(cell: _Value, at: int) -> int | None:
    """How many characters of the source stand before the place `at` of the JSON text; None where that is not in it."""
    before = 0
    for _, piece, start in cell.pieces:
        if start < at < start + len(piece):
            try:
                return before + len(json.loads(piece[: at - start] + '"', strict=False))
            except ValueError:
                return None
        before += len(_decoded(piece))
    return None


def _line_end(text: str, at: int) -> str:
    """What the end of a line of code is in the JSON around `at`: by a string of its own where each line is one."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    indent = line[: len(line) - len(line.lstrip())]
    return f'\\n",\n{indent}"' if line.lstrip().startswith('"') and not _KEY.match(line) else "\\n"


def _place(cell: list[tuple[int, str]], lines: list[str]) -> None:
    """Add the lines of a cell to those of the cells before it, where they stand or as soon as there is room."""
    if not cell or _OTHER_LANGUAGE.match("\n".join(line for _, line in cell)):
        return
    for number, line in cell:
        lines.extend([""] * (number - len(lines)))
        lines.append(line)
    # Cells never run into each other.
    lines.append("")


def _code_lines(pieces: list[tuple[int, str, int]]) -> Iterator[tuple[int, str]]:
    """(line of the JSON, line of code) of a cell, whose strings stand for one text."""
    line, at = "", 0
    for number, piece, _ in pieces:
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
        # Half of a surrogate pair is no text that could be stored.
        return str(json.loads(token, strict=False)).encode(errors="replace").decode()
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
            _take(top, token, line, match.start())


def _take(value: _Value, token: str, line: int, start: int) -> None:
    """A string has come: an element, a key, or the value of one."""
    if value.is_array or value.key in _CODE_KEYS:
        value.pieces.append((line, token, start))
    elif not value.key:
        value.key = token[1:-1]
    else:
        value.strings[value.key] = token[1:-1]
