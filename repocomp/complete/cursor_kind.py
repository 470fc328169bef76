"""What kind of place a cursor stands at, as people place them: behind a space, a bracket, a dot, in a comment.

Answers differ in worth by it, so silence and benchmarks both go by these kinds.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from repocomp.complete.finish.lexical import Region

CursorKind = Literal[
    "word", "space", "bracket", "dot", "value", "sign", "blank", "comment", "string", "docstring", "end", "prose"
]
CURSOR_KINDS: tuple[CursorKind, ...] = get_args(CursorKind)

_VALUE = re.compile(r"(?:(?<![=!<>~])=|:=|\b(?:return|import))[ \t]*$")
"""What stands left of a cursor where a value or a name is wanted: an assignment, `return`, `import`."""
_DOT = (".", "->", "::")


def kind_of(left: str, right: str, region: Region | None, *, is_code: bool) -> CursorKind:
    """The kind of the place between `left` and `right`, which begins in `region` of its language (None: code).

    Prose comes before all; then what the cursor stands in, whether its line is empty, and what stands left of it.
    """
    if not is_code:
        return "prose"
    if region is not None:
        return _kind_inside(region)
    line = left[left.rfind("\n") + 1 :]
    if not line.strip():
        return "blank" if right.strip() else "end"
    return _kind_behind(line)


def _kind_inside(region: Region) -> CursorKind:
    if region.is_comment:
        return "docstring" if region.spans_lines else "comment"
    return "docstring" if len(region.closing) == len('"""') else "string"


def _kind_behind(line: str) -> CursorKind:
    if _VALUE.search(line):
        return "value"
    if line.endswith(_DOT):
        return "dot"
    last = line[-1]
    if last in "([{":
        return "bracket"
    if last.isspace():
        return "space"
    return "word" if last.isalnum() or last == "_" else "sign"
