"""CodeBLEU (Ren et al. 2020, arXiv 2009.10297): how alike two pieces of code are, by words, trees and data flow.

The mean of four parts in 0..1: BLEU-4 over tokens; BLEU-4 in which keywords weigh five times as much as other words;
the share of the reference's syntax subtrees that stand in the candidate; the share of its data flow edges ("this
variable comes from those") that do. Data flow is read from assignments in the tree, variables numbered in order of
appearance, as in the paper, so that renaming changes nothing. Broken code is parsed as far as tree-sitter can.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from repocomp.languages.table import keywords, parser
from repocomp.stats.sequences import bleu, share_held

if TYPE_CHECKING:
    from tree_sitter import Node

_TOKEN = re.compile(r"\w+|[^\w\s]")
_KEYWORD_WEIGHT = 5.0
_ASSIGNING = re.compile(
    r"assign|declarator|let_declaration|short_var|augmented|var_spec|for_in|for_statement|range_clause"
)
_SIDES = (("left", "right"), ("name", "value"), ("pattern", "value"), ("declarator", "value"))
_IDENTIFIER = "identifier"


@dataclass(frozen=True, slots=True)
class Score:
    """The four parts, each in 0..1. `dataflow` is None where the reference has no assignment."""

    ngram: float
    weighted: float
    syntax: float
    dataflow: float | None

    @property
    def total(self) -> float:
        """Their mean; a part that cannot be judged is left out."""
        parts = [part for part in (self.ngram, self.weighted, self.syntax, self.dataflow) if part is not None]
        return sum(parts) / len(parts)


def codebleu(candidate: str, reference: str, language: str) -> Score:
    """How much of `reference` stands in `candidate`; both of one `language`. Equal texts score 1 in every part."""
    own, other = _read(candidate, language), _read(reference, language)
    reserved = keywords(language)
    return Score(
        bleu(own.tokens, other.tokens),
        bleu(own.tokens, other.tokens, dict.fromkeys(reserved, _KEYWORD_WEIGHT)),
        share_held(own.subtrees, other.subtrees),
        share_held(own.flow, other.flow) if other.flow else None,
    )


@dataclass(frozen=True, slots=True)
class _Code:
    tokens: list[str]
    subtrees: Counter[str]
    flow: Counter[tuple[str, str]]


@lru_cache(maxsize=4096)
def _read(text: str, language: str) -> _Code:
    known = parser(language)
    if known is None:
        return _Code(_TOKEN.findall(text), Counter(), Counter())
    root = known.parse(text.encode()).root_node
    subtrees: Counter[str] = Counter()
    _shape(root, subtrees)
    return _Code(_TOKEN.findall(text), subtrees, Counter(_flow(root)))


_DEEPEST = 200


def _shape(node: Node, found: Counter[str], depth: int = 0) -> str:
    """The node with its children by kind alone; every inner node below it is counted in `found`."""
    if not node.child_count or depth > _DEEPEST:
        return node.type
    shape = f"({node.type} {' '.join(_shape(child, found, depth + 1) for child in node.children)})"
    # Shapes grow with depth; their hash says the same in few bytes.
    name = shape if len(shape) < 80 else f"{node.type}:{hash(shape)}"
    found[name] += 1
    return name


def _flow(root: Node) -> Iterator[tuple[str, str]]:
    """(variable, where its value comes from) of every assignment, variables numbered as they appear."""
    numbers: dict[str, str] = {}

    def number(node: Node) -> str:
        name = node.text.decode(errors="replace") if node.text is not None else ""
        return numbers.setdefault(name, f"v{len(numbers)}")

    waiting = [root]
    while waiting:
        node = waiting.pop()
        sides = _sides(node) if _ASSIGNING.search(node.type) else None
        if sides is not None:
            sources = [number(source) for source in _identifiers(sides[1])]
            for target in _identifiers(sides[0]):
                name = number(target)
                yield from ((name, source) for source in sources or ["value"])
        waiting += reversed(node.children)


def _sides(node: Node) -> tuple[Node, Node] | None:
    for left, right in _SIDES:
        target, source = node.child_by_field_name(left), node.child_by_field_name(right)
        if target is not None and source is not None:
            return target, source
    return None


def _identifiers(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each.type == _IDENTIFIER or (each.type.endswith(_IDENTIFIER) and not each.child_count):
            yield each
        waiting += reversed(each.children)
