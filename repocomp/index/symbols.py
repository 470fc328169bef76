"""What a file defines and uses, read from its syntax tree.

One tree-sitter query a language names the definitions; nesting gives qualified names. Trees of broken code are partial
but still useful, so this serves unsaved buffers too. A language without a grammar has no symbols.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from repocomp.index.budget import Budget, OverBudgetError
from repocomp.languages.language import CONTAINERS, Language
from repocomp.languages.table import grammar, language, parser, query_source

if TYPE_CHECKING:
    from tree_sitter import Node, Query, QueryCursor

_SIGNATURE_CHARS = 200
_DOC_CHARS = 160
_OPENING = re.compile(r"(?:[\s:{=]|=>)+$")
"""What stands between a signature and its body."""
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
    known, grammar_parser = language(language_name), parser(language_name)
    if known is None or grammar_parser is None:
        return Syntax()
    data = text.encode()
    # Compiled once per language, at nobody's cost.
    _queries(known)
    budget = Budget(len(data))
    try:
        root = budget.parse(grammar_parser, data).root_node
        budget.check_width(root)
        return Syntax(tuple(_definitions(known, root, data, budget)), _references(known, root, data))
    except OverBudgetError:
        return Syntax()


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


@dataclass(frozen=True, slots=True)
class _Match:
    """What one pattern captured: the nodes of a definition, its kind, its name, and its body where the pattern says."""

    first: Node
    last: Node
    kind: str
    name: Node
    body: Node | None

    @classmethod
    def of(cls, captures: dict[str, list[Node]]) -> _Match:
        """The one capture that is none of the others is the definition; its nodes stand in a row."""
        kind = next(name for name in captures if name not in ("name", "body") and not name.startswith("_"))
        nodes = captures[kind]
        return cls(nodes[0], nodes[-1], kind, captures["name"][0], captures.get("body", [None])[0])

    @property
    def order(self) -> tuple[int, int, bool, str]:
        """Outer definitions first; of several readings of one the longest, best with a body."""
        return self.first.start_byte, -self.last.end_byte, self.body is None, self.kind


def _cursor(query: Query) -> QueryCursor:
    from tree_sitter import QueryCursor

    cursor = QueryCursor(query)
    # With each level a query takes longer for all below: thousands of levels would take it hours.
    cursor.set_max_start_depth(_DEEPEST)
    return cursor


def _definitions(language: Language, root: Node, data: bytes, budget: Budget) -> list[Definition]:
    matches = _cursor(_queries(language)[0]).matches(root)
    budget.check()
    enclosing: list[tuple[int, str, str]] = []
    seen: set[int] = set()
    found: list[Definition] = []
    ordered = sorted((_Match.of(captures) for _, captures in matches), key=lambda match: match.order)
    for match in budget.watch(ordered):
        if match.name.start_byte in seen:
            continue
        seen.add(match.name.start_byte)
        while enclosing and enclosing[-1][0] < match.last.end_byte:
            enclosing.pop()
        name = _last_part(data[match.name.start_byte : match.name.end_byte].decode())
        definition = _definition(language, match, name, enclosing, data)
        if language.has_clauses and found and found[-1].qualified == definition.qualified:
            found[-1] = replace(found[-1], end_line=definition.end_line)
        else:
            found.append(definition)
        enclosing.append((match.last.end_byte, name, match.kind))
    return found


def _last_part(name: str) -> str:
    """C++ defines members outside their class, Elixir modules and Swift extensions elsewhere: under qualified names."""
    name = name.rsplit("::", 1)[-1]
    return name.rsplit(".", 1)[-1] if name.replace(".", "").isidentifier() else name


def _definition(
    language: Language, match: _Match, name: str, enclosing: list[tuple[int, str, str]], data: bytes
) -> Definition:
    owner = next((outer for _, outer, outer_kind in reversed(enclosing) if outer_kind in CONTAINERS), None)
    body = match.body or _body(match.first)
    signature = _signature(match, body, data)
    is_method = match.kind == "function" and owner is not None and enclosing[-1][1] == owner
    bases = re.search(language.bases, signature) if language.bases and match.kind in CONTAINERS else None
    return Definition(
        name=name,
        qualified=".".join([*(outer for _, outer, _ in enclosing[-_MOST_NESTED:]), name]),
        kind="method" if is_method else match.kind,
        parent=bases[1].strip() or None if bases else owner,
        signature=signature,
        doc=_doc(language, match.first, body, data),
        start_line=match.first.start_point[0] + 1,
        end_line=match.last.end_point[0] + (1 if match.last.end_point[1] else 0),
    )


def _signature(match: _Match, body: Node | None, data: bytes) -> str:
    start = match.first.start_byte
    end = body.start_byte if body is not None else match.last.end_byte
    text = data[start : min(end, start + 4 * _SIGNATURE_CHARS)].decode(errors="ignore")
    return _OPENING.sub("", " ".join(text.split()))[:_SIGNATURE_CHARS]


def _body(node: Node) -> Node | None:
    """The body, also of a function bound to a name."""
    value = node.child_by_field_name("value")
    return node.child_by_field_name("body") or (value.child_by_field_name("body") if value is not None else None)


def _doc(language: Language, node: Node, body: Node | None, data: bytes) -> str | None:
    """First line of the docstring or of the comment that stands right above."""
    if language.has_docstrings:
        first = body.named_children[0] if body is not None and body.named_children else None
        holder = first.named_children[0] if first is not None and first.named_children else first
        text = holder if holder is not None and holder.type == "string" else None
    else:
        above = node.prev_named_sibling
        near = (
            above is not None and above.type in language.comment_nodes and above.end_point[0] >= node.start_point[0] - 1
        )
        text = above if near else None
    if text is None:
        return None
    lines = data[text.start_byte : text.end_byte].decode(errors="ignore").lstrip("rRbBuUfF").split("\n")
    return next((clean[:_DOC_CHARS] for line in lines if (clean := _MARKS.sub("", line))), None)


def _references(language: Language, root: Node, data: bytes) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    captures = _cursor(_queries(language)[1]).captures(root)
    for node in captures.get("id", ()):
        # Of a tree parsed piece by piece, `node.text` asks for the pieces again.
        text = data[node.start_byte : node.end_byte]
        if len(text) > 1:
            lines = found.setdefault(text.decode(errors="ignore"), [])
            line = node.start_point[0] + 1
            if not lines or lines[-1] != line:
                lines.append(line)
    # Captures come in no fixed order.
    return {name: sorted(set(found[name])) for name in sorted(found)}
