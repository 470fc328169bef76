"""Query understanding: what an unfinished line asks for.

Read from text, not from a tree: the code around a cursor is broken more often than not. The result names the
identifiers whose definitions would help, each with how directly the place asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from repocomp.retrieve.query import Query

Place = Literal["import", "decorator", "attribute", "call", "annotation", "definition", "plain"]

_NEAR_LINES = 12
_FAR_LINES = 80
_PATH = r"[^\W\d]\w*(?:(?:\.|->|::)[^\W\d]\w*)*"
_ATTRIBUTE = re.compile(rf"({_PATH})(?:\(\))?(?:\.|->|::)([^\W\d]\w*)?$")
_CALL = re.compile(rf"({_PATH})\s*$")
_PARTIAL = re.compile(r"[^\W\d]\w*$")
_IMPORT = re.compile(r"^\s*(?:from\s+\S+\s+import|import|use|using|#\s*include|require)\b")
_DEFINITION = re.compile(r"^\s*(?:async\s+)?(?:def|class|func|function|fn|struct|interface|trait|impl)\s+\w*$")
_ANNOTATION = re.compile(r"(?:->|[\w\])]\s*:)\s*([\w.\[]*)$")
_CALLED = re.compile(r"([^\W\d]\w*)\s*\(")
_TYPE_NAME = re.compile(r"\b([A-Z]\w+)\b")
_ENCLOSING = re.compile(
    r"^([ \t]*)(?:export\s+|public\s+|abstract\s+|final\s+)*(?:class|struct|impl|interface|trait)\s+(\w+)([^\n]*)", re.M
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A name whose definition would help: `weight` in 0..1, `owner` the class it should belong to, if known."""

    name: str
    weight: float
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Understanding:
    """The place of the cursor, the identifier begun there, and the names it asks for, most wanted first."""

    place: Place
    partial: str
    asked: tuple[Asked, ...]


def understand(query: Query) -> Understanding:
    """Read the cursor's line, then its neighbourhood."""
    line = query.last_lines(1)
    partial_match = _PARTIAL.search(line)
    partial = partial_match[0] if partial_match else ""
    place, receiver, function = _place(line)
    found: dict[tuple[str, str | None], float] = {}
    for asked in _asked(query, line, place, receiver, function):
        key = (asked.name, asked.owner)
        found[key] = max(found.get(key, 0.0), asked.weight)
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
    return Understanding(place, partial, tuple(Asked(name, weight, owner) for (name, owner), weight in ordered))


def _place(line: str) -> tuple[Place, str | None, str | None]:
    """The place, the receiver of an attribute access, and the function whose call is open."""
    function = _open_call(line)
    if _IMPORT.search(line):
        return "import", None, None
    if line.lstrip().startswith("@"):
        return "decorator", None, None
    attribute = _ATTRIBUTE.search(line)
    if attribute:
        return "attribute", attribute[1], function
    if _DEFINITION.search(line):
        return "definition", None, None
    if _ANNOTATION.search(line) and function is None:
        return "annotation", None, None
    return ("call" if function else "plain"), None, function


def _open_call(line: str) -> str | None:
    """The name before the innermost bracket that is still open on the line."""
    depth = 0
    for at in range(len(line) - 1, -1, -1):
        if line[at] in ")]}":
            depth += 1
        elif line[at] in "([{":
            if depth == 0:
                called = _CALL.search(line[:at]) if line[at] == "(" else None
                return called[1] if called else None
            depth -= 1
    return None


def _asked(query: Query, line: str, place: Place, receiver: str | None, function: str | None) -> Iterator[Asked]:
    far = query.last_lines(_FAR_LINES)
    if function:
        *path, name = re.split(r"\.|->|::", function)
        yield Asked(name, 1.0, _type_of(path[-1], query) if path else None)
    if receiver:
        last = re.split(r"\.|->|::", receiver)[-1]
        owner = _type_of(last, query)
        if owner:
            yield Asked(owner, 0.95)
        yield Asked(last, 0.7)
    enclosing = list(_ENCLOSING.finditer(query.prefix))
    if enclosing and place in ("definition", "attribute", "plain"):
        yield from (Asked(base, 0.8) for base in _TYPE_NAME.findall(enclosing[-1][3]))
    for weight, text in ((0.6, query.last_lines(_NEAR_LINES)), (0.5, query.next_lines(4)), (0.25, far)):
        yield from (Asked(name, weight) for name in _CALLED.findall(text))
        yield from (Asked(name, weight * 0.9) for name in _TYPE_NAME.findall(text))
    if place == "annotation" or place == "import":
        yield from (Asked(name, 0.7) for name in _TYPE_NAME.findall(line))


def _type_of(variable: str, query: Query) -> str | None:
    """The class a variable seems to hold: from an assignment, an annotation or a parameter, the nearest one first."""
    if variable in ("self", "this", "cls"):
        enclosing = list(_ENCLOSING.finditer(query.prefix))
        return enclosing[-1][2] if enclosing else None
    name = re.escape(variable)
    patterns = (
        rf"\b{name}\s*(?::=|=)\s*(?:await\s+|new\s+|&)?(?:[\w.]+\.)?([A-Z]\w+)\s*[({{]",
        rf"\b{name}\s*:\s*(?:&\s*(?:mut\s+)?)?(?:Optional\[|list\[|List\[)?[\"']?(?:[\w.]+\.)?([A-Z]\w+)",
        rf"\b([A-Z]\w+)(?:<[^<>]*>)?[\s*&]+{name}\b",
    )
    found = [(match.start(), match[1]) for pattern in patterns for match in re.finditer(pattern, query.prefix)]
    return max(found)[1] if found else (variable if variable[:1].isupper() else None)
