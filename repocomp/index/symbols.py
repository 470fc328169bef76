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

from repocomp.index.budget import Budget, OverBudgetError
from repocomp.languages.grammar import BASES, CONTAINERS, DEFINITIONS, IDENTIFIERS
from repocomp.languages.table import parser

if TYPE_CHECKING:
    from tree_sitter import Node, Query, QueryCursor

_SIGNATURE_CHARS = 200
_DOC_CHARS = 160
_DEEPEST = 500
_MOST_NESTED = 32
"""Of the names that a qualified one begins with: thousands in each other would take the square of their number."""
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
    """Definitions and references of `text`; empty for a language without a grammar, and where it takes too long."""
    known = parser(language_name)
    if known is None:
        return Syntax()
    data = text.encode()
    budget = Budget(len(data))
    try:
        root = budget.parse(known, data).root_node
        definitions = tuple(budget.watch(_definitions(language_name, root, data, budget)))
        return Syntax(definitions, _references(language_name, root, data))
    except OverBudgetError:
        return Syntax()


@cache
def _query(language_name: str, source: str) -> Query:
    from tree_sitter import Query

    grammar = parser(language_name)
    if grammar is None or grammar.language is None:
        raise ValueError(f"{language_name} has no grammar")
    return Query(grammar.language, source)


def _cursor(query: Query) -> QueryCursor:
    from tree_sitter import QueryCursor

    cursor = QueryCursor(query)
    # With each level a query takes longer for all below: thousands of levels would take it hours.
    cursor.set_max_start_depth(_DEEPEST)
    return cursor


def _definitions(language_name: str, root: Node, data: bytes, budget: Budget) -> Iterator[Definition]:
    matches = _cursor(_query(language_name, DEFINITIONS[language_name])).matches(root)
    budget.check()
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
        yield _definition(language_name, node, kind, name, enclosing, data)
        enclosing.append((node.end_byte, name, kind))


def _outer(captures: dict[str, list[Node]]) -> Iterator[tuple[str, Node]]:
    """The captured definitions themselves, by kind."""
    return ((kind, nodes[0]) for kind, nodes in captures.items() if kind != "name")


def _definition(
    language_name: str, node: Node, kind: str, name: str, enclosing: list[tuple[int, str, str]], data: bytes
) -> Definition:
    owner = next((outer for _, outer, outer_kind in reversed(enclosing) if outer_kind in CONTAINERS), None)
    signature = _signature(node, data)
    if kind == "function" and owner is not None and enclosing[-1][1] == owner:
        kind = "method"
    bases = BASES.search(signature) if kind in CONTAINERS else None
    return Definition(
        name=name,
        qualified=".".join([*(outer for _, outer, _ in enclosing[-_MOST_NESTED:]), name]),
        kind=kind,
        parent=next((group.strip() for group in bases.groups() if group), None) if bases else owner,
        signature=signature,
        doc=_doc(language_name, node, data),
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


def _doc(language_name: str, node: Node, data: bytes) -> str | None:
    """First line of the docstring or of the comment that stands right above."""
    if language_name == "python":
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


def _references(language_name: str, root: Node, data: bytes) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    captures = _cursor(_query(language_name, IDENTIFIERS[language_name])).captures(root)
    for node in captures.get("id", ()):
        # Of a tree parsed piece by piece, `node.text` asks for the pieces again.
        text = data[node.start_byte : node.end_byte]
        if len(text) > 1:
            lines = found.setdefault(text.decode(errors="ignore"), [])
            line = node.start_point[0] + 1
            if not lines or lines[-1] != line:
                lines.append(line)
    return {name: sorted(set(lines)) for name, lines in found.items()}
