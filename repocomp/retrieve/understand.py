"""Query understanding: what an unfinished line asks for.

Read from text, not from a tree: the code around a cursor is broken more often than not. The result names the
identifiers whose definitions would help, each with how directly the place asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from repocomp.languages.table import stated
from repocomp.retrieve.query import Query
from repocomp.terms import words

Place = Literal["import", "decorator", "attribute", "call", "annotation", "definition", "plain"]

_NEAR_LINES = 12
_FAR_LINES = 80
_FAR_CHARS = 1 << 16
_MOST_INDENT = 1000
_PATH = r"[^\W\d]\w*(?:(?:\.|->|::)[^\W\d]\w*)*"
# Both begin at the start of a word, or each letter of a long one would be tried, up to the end of it.
_ATTRIBUTE = re.compile(rf"\b\d*({_PATH})(?:\(\))?(?:\.|->|::)([^\W\d]\w*)?$")
_CALL = re.compile(rf"({_PATH})\s*$")
_PARTIAL = re.compile(r"[^\W\d]\w*$")
_ANNOTATION = re.compile(r"(?:->|[\w\])]\s*:)\s*([\w.\[]*)$")
_CALLED = re.compile(r"\b\d*([^\W\d]\w*)\s*\(")
_TYPE_NAME = re.compile(r"\b([A-Z]\w+)\b")
_MODIFIERS = r"(?:export|public|abstract|final)\s+"
_SEPARATOR = re.compile(r"\.|->|::")


@dataclass(frozen=True, slots=True)
class _Words:
    """Patterns of the words of one language, for a line or, `enclosing`, for headers anywhere in a text."""

    imports: re.Pattern[str]
    module: re.Pattern[str]
    definition: re.Pattern[str]
    enclosing: re.Pattern[str]
    own: frozenset[str]


@cache
def _words_of(language: str) -> _Words:
    classes = stated(language, lambda known: known.class_words)
    imports = _any_of(stated(language, lambda known: known.import_words))
    defined = _any_of((*stated(language, lambda known: known.function_words), *classes))
    return _Words(
        imports=re.compile(rf"^\s*(?:#\s*)?{imports}\b"),
        module=re.compile(rf"\b{imports}\b[\s(\"'<]*([\w.:/@-]+)"),
        definition=re.compile(rf"^\s*(?:async\s+)?{defined}\s+\w*$"),
        enclosing=re.compile(rf"^([ \t]*)(?:{_MODIFIERS}){{0,4}}{_any_of(classes)}\s+(\w+)([^\n]*)", re.M),
        own=frozenset(stated(language, lambda known: known.self_words)),
    )


def _any_of(words: Sequence[str]) -> str:
    """A pattern that finds any of the words, or nothing where there are none."""
    return f"(?:{'|'.join(words)})" if words else r"(?!)"


@dataclass(frozen=True, slots=True)
class Asked:
    """A name whose definition would help: `weight` in 0..1, `owner` the class it should belong to, if known."""

    name: str
    weight: float
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Understanding:
    """The place of the cursor, the partial identifier there, and the names it asks for, most wanted first.

    `receiver` is what stands before the dot of an attribute, its last part; `maker` the function whose result it holds,
    where no class is known; `enclosing` the innermost class around the cursor, and `on_self` whether the receiver is an
    object of it; `module` what an import line names.
    """

    place: Place
    partial: str
    asked: tuple[Asked, ...]
    receiver: str | None = None
    maker: str | None = None
    enclosing: str | None = None
    on_self: bool = False
    module: str | None = None


def understand(query: Query) -> Understanding:
    """Read the cursor's line, then its neighbourhood."""
    line = query.last_lines(1)
    partial_match = _PARTIAL.search(line)
    partial = partial_match[0] if partial_match else ""
    known = _words_of(query.language)
    place, receiver, function = _place(line, known)
    found: dict[tuple[str, str | None], float] = {}
    for asked in _asked(query, line, place, receiver, function):
        key = (asked.name, asked.owner)
        found[key] = max(found.get(key, 0.0), asked.weight)
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
    last = _SEPARATOR.split(receiver)[-1] if receiver else None
    named = known.module.search(line) if place == "import" else None
    return Understanding(
        place,
        partial,
        tuple(Asked(name, weight, owner) for (name, owner), weight in ordered),
        receiver=last,
        maker=_maker_of(last, query) if last and _type_of(last, query) is None else None,
        enclosing=_enclosing(query),
        on_self=last in known.own,
        module=named[1] if named else None,
    )


def _place(line: str, known: _Words) -> tuple[Place, str | None, str | None]:
    """The place, the receiver of an attribute access, and the function whose call is open."""
    function = _open_call(line)
    if known.imports.search(line):
        return "import", None, None
    if line.lstrip().startswith("@"):
        return "decorator", None, None
    attribute = _ATTRIBUTE.search(line)
    if attribute:
        return "attribute", attribute[1], function
    if known.definition.search(line):
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
        *path, name = _SEPARATOR.split(function)
        yield Asked(name, 1.0, _type_of(path[-1], query) if path else None)
    if receiver:
        last = _SEPARATOR.split(receiver)[-1]
        owner = _type_of(last, query)
        if owner:
            yield Asked(owner, 0.95)
        yield Asked(last, 0.7)
    bases = _bases(query)
    if place in ("definition", "attribute", "plain"):
        yield from (Asked(base, 0.8) for base in _TYPE_NAME.findall(bases))
    for weight, text in ((0.6, query.last_lines(_NEAR_LINES)), (0.5, query.next_lines(4)), (0.25, far)):
        yield from (Asked(name, weight) for name in _CALLED.findall(text))
        yield from (Asked(name, weight * 0.9) for name in _TYPE_NAME.findall(text))
        yield from (Asked(name, weight * 0.7) for name in words(text))
    if place == "annotation" or place == "import":
        yield from (Asked(name, 0.7) for name in _TYPE_NAME.findall(line))


def _enclosing_class(query: Query) -> re.Match[str] | None:
    """The header of the innermost class around the cursor, judged by indentation."""
    indent = len(line) - len(line.lstrip()) if (line := query.last_lines(1)).strip() else _MOST_INDENT
    headers = list(_words_of(query.language).enclosing.finditer(_text_before(query)))
    return next((match for match in reversed(headers) if len(match[1]) < indent or not indent), None)


def _enclosing(query: Query) -> str | None:
    found = _enclosing_class(query)
    return found[2] if found else None


def _bases(query: Query) -> str:
    """What follows the name in the header of the class around the cursor."""
    found = _enclosing_class(query)
    return found[3] if found else ""


def _text_before(query: Query) -> str:
    """The file up to the cursor, as far back as classes and assignments are looked for."""
    return (query.above + query.prefix)[-_FAR_CHARS:]


def _maker_of(variable: str, query: Query) -> str | None:
    """The function whose result was assigned to a variable last."""
    pattern = rf"\b{re.escape(variable)}\b[^=\n]{{0,40}}=\s*(?:await\s+)?(?:[\w.]+[.:])?([^\W\d]\w*)\s*\("
    made = [match[1] for match in re.finditer(pattern, _text_before(query))]
    return made[-1] if made else None


def _type_of(variable: str, query: Query) -> str | None:
    """The class a variable seems to hold: from an assignment, an annotation or a parameter, the nearest one first."""
    if variable in _words_of(query.language).own:
        return _enclosing(query)
    name, text = re.escape(variable), _text_before(query)
    patterns = (
        rf"\b{name}\s*(?::=|=)\s*(?:await\s+|new\s+|&)?(?:[\w.]+\.)?([A-Z]\w+)\s*[({{]",
        rf"\b{name}\s*:\s*(?:&\s*(?:mut\s+)?)?(?:Optional\[|list\[|List\[)?[\"']?(?:[\w.]+\.)?([A-Z]\w+)",
        rf"\b([A-Z]\w+)(?:<[^<>]*>)?[\s*&]+{name}\b",
    )
    found = [(match.start(), match[1]) for pattern in patterns for match in re.finditer(pattern, text)]
    return max(found)[1] if found else (variable if variable[:1].isupper() else None)
