"""What a file defines and uses, read from its syntax tree.

One tree-sitter query a language names the definitions; nesting gives qualified names. Trees of broken code are partial
but still useful, so this serves unsaved buffers too. A language without a grammar has no symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from repocomp.languages.language import CONTAINERS, Language
from repocomp.languages.table import grammar, language, parser, query_source

if TYPE_CHECKING:
    from tree_sitter import Node, Query

_SIGNATURE_CHARS = 200
_DOC_CHARS = 160
_MARKS = re.compile(r"^[\s/*#!\"'<>;-]+|[\s*/\"'>-]+$")


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition in one text; lines from 1, inclusive. `parent` is its class, or for a class its bases."""

    name: str
    qualified: str
    kind: str
    parent: str | None
    signature: str
    doc: str | None
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Syntax:
    """Everything read from one text. `references` maps an identifier to the lines that use it, ascending."""

    definitions: tuple[Definition, ...] = ()
    references: dict[str, list[int]] | None = None


def parse(language_name: str, text: str) -> Syntax:
    """Definitions and references of `text`; empty for a language without a grammar."""
    known, grammar_parser = language(language_name), parser(language_name)
    if known is None or grammar_parser is None:
        return Syntax()
    data = text.encode()
    root = grammar_parser.parse(data).root_node
    return Syntax(tuple(_definitions(known, root, data)), _references(known, root))


@cache
def _queries(language: Language) -> tuple[Query, Query]:
    """The patterns of a language's query that find definitions, and those that find identifiers.

    Apart, since the many identifiers are quicker had as captures, and definitions only as matches.
    """
    from tree_sitter import Query

    source = query_source(language)
    definitions, identifiers = Query(grammar(language), source), Query(grammar(language), source)
    text = source.encode()
    for number in range(definitions.pattern_count):
        pattern = text[definitions.start_byte_for_pattern(number) : definitions.end_byte_for_pattern(number)]
        (definitions if b"@id" in pattern else identifiers).disable_pattern(number)
    return definitions, identifiers


def _definitions(language: Language, root: Node, data: bytes) -> Iterator[Definition]:
    from tree_sitter import QueryCursor

    matches = QueryCursor(_queries(language)[0]).matches(root)
    found = sorted(
        ((node, kind, captures["name"][0]) for _, captures in matches for kind, node in _outer(captures)),
        key=lambda item: (item[0].start_byte, -item[0].end_byte, item[1]),
    )
    enclosing: list[tuple[int, str, str]] = []
    seen: set[int] = set()
    for node, kind, name_node in found:
        if name_node.start_byte in seen:
            continue
        seen.add(name_node.start_byte)
        while enclosing and enclosing[-1][0] < node.end_byte:
            enclosing.pop()
        # C++ defines members outside their class, under a qualified name.
        name = data[name_node.start_byte : name_node.end_byte].decode().rsplit("::", 1)[-1]
        yield _definition(language, node, kind, name, enclosing, data)
        enclosing.append((node.end_byte, name, kind))


def _outer(captures: dict[str, list[Node]]) -> Iterator[tuple[str, Node]]:
    """The captured definitions themselves, by kind."""
    return ((kind, nodes[0]) for kind, nodes in captures.items() if kind != "name")


def _definition(
    language: Language, node: Node, kind: str, name: str, enclosing: list[tuple[int, str, str]], data: bytes
) -> Definition:
    owner = next((outer for _, outer, outer_kind in reversed(enclosing) if outer_kind in CONTAINERS), None)
    signature = _signature(node, data)
    if kind == "function" and owner is not None and enclosing[-1][1] == owner:
        kind = "method"
    bases = re.search(language.bases, signature) if language.bases and kind in CONTAINERS else None
    return Definition(
        name=name,
        qualified=".".join([*(outer for _, outer, _ in enclosing), name]),
        kind=kind,
        parent=bases[1].strip() or None if bases else owner,
        signature=signature,
        doc=_doc(language, node, data),
        start_line=node.start_point[0] + 1,
        end_line=node.end_point[0] + (1 if node.end_point[1] else 0),
    )


def _signature(node: Node, data: bytes) -> str:
    body = _body(node)
    end = body.start_byte if body is not None else node.end_byte
    text = data[node.start_byte : min(end, node.start_byte + 4 * _SIGNATURE_CHARS)].decode(errors="ignore")
    return " ".join(text.split()).rstrip(" :{=>")[:_SIGNATURE_CHARS]


def _body(node: Node) -> Node | None:
    """The body, also of a function bound to a name."""
    value = node.child_by_field_name("value")
    return node.child_by_field_name("body") or (value.child_by_field_name("body") if value is not None else None)


def _doc(language: Language, node: Node, data: bytes) -> str | None:
    """First line of the docstring or of the comment that stands right above."""
    if language.has_docstrings:
        body = _body(node)
        first = body.named_children[0] if body is not None and body.named_children else None
        holder = first.named_children[0] if first is not None and first.named_children else first
        text = holder if holder is not None and holder.type == "string" else None
    else:
        above = node.prev_named_sibling
        near = above is not None and "comment" in above.type and above.end_point[0] >= node.start_point[0] - 1
        text = above if near else None
    if text is None:
        return None
    lines = data[text.start_byte : text.end_byte].decode(errors="ignore").lstrip("rRbBuUfF").split("\n")
    return next((clean[:_DOC_CHARS] for line in lines if (clean := _MARKS.sub("", line))), None)


def _references(language: Language, root: Node) -> dict[str, list[int]]:
    from tree_sitter import QueryCursor

    found: dict[str, list[int]] = {}
    captures = QueryCursor(_queries(language)[1]).captures(root)
    for node in captures.get("id", ()):
        text = node.text
        if text is not None and len(text) > 1:
            lines = found.setdefault(text.decode(errors="ignore"), [])
            line = node.start_point[0] + 1
            if not lines or lines[-1] != line:
                lines.append(line)
    # Captures come in no fixed order.
    return {name: sorted(set(found[name])) for name in sorted(found)}
