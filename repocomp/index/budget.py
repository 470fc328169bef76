"""How long one text may be parsed: some inputs take a parser time that grows with the square or the cube of their size.

Counted is processor time of this thread, so a busy machine changes nothing. Ordinary code takes a tenth of it at most.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from repocomp.languages.reading import parse

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

_START_S, _PARSE_BYTE_S, _BYTE_S = 0.5, 3e-6, 10e-6
"""The first text of a language pays for loading its tables; then for the tree, and for all that is read from it."""
_DEEPEST, _DEEPEST_ANGLES = 1000, 300
_LONGEST_PIPELINE = 4000
_BRACKETS = re.compile(rb"(?<!<)<(?![<=])|(?<![=-])>|[;(){}\[\]]")
_MOST_SIBLING_STEPS = 10**8
"""A tenth of a second of a query."""
_PIPES = re.compile(rb"\|\s*|\n")
T = TypeVar("T")


class OverBudgetError(Exception):
    """The text took too long; it does without a tree."""


class Budget:
    """The time for a text of so many bytes, from now on."""

    def __init__(self, byte_count: int) -> None:
        self._start_s = time.thread_time() + _START_S
        self._byte_count = byte_count

    def _stops_parsing(self, *_: object) -> bool:
        return time.thread_time() > self._start_s + _PARSE_BYTE_S * self._byte_count

    def check(self) -> None:
        """Raises OverBudgetError when the time is used up."""
        if time.thread_time() > self._start_s + _BYTE_S * self._byte_count:
            raise OverBudgetError

    def parse(self, parser: Parser, data: bytes) -> Tree:
        """The tree of `data`. Raises OverBudgetError."""
        if _is_too_deep(data) or _is_piped_too_often(data):
            raise OverBudgetError

        tree = parse(parser, data, self._stops_parsing)
        if tree is None:
            raise OverBudgetError
        return tree

    def check_width(self, root: Node) -> None:
        """Raises OverBudgetError where queries of the tree would look at too many siblings: they cannot be ended.

        For each node a query goes through the siblings after it up to one with a name. Only what no rule of the grammar
        fits holds thousands in a row without.
        """
        waiting = [root] if root.has_error else []
        steps = 0
        while waiting:
            self.check()
            node = waiting.pop()
            children = node.children
            unnamed = 0
            for child in children if node.is_error else ():
                unnamed = 0 if child.is_named else unnamed + 1
                steps += unnamed
            if steps > _MOST_SIBLING_STEPS:
                raise OverBudgetError
            waiting += [child for child in children if child.has_error]

    def watch(self, items: Iterable[T]) -> Iterator[T]:
        """The items, as long as there is time. Raises OverBudgetError."""
        for item in items:
            self.check()
            yield item


def _is_too_deep(data: bytes) -> bool:
    """Whether brackets stand open in each other by the thousand, or angle brackets by the hundred.

    Queries take time by the square of the depth, and cannot be ended. At the end of a text with open angle brackets the
    grammars with generic types take memory by the square, 10 GB for 64 kB, within a single step.
    """
    # Counting alone clears nearly every file.
    if sum(map(data.count, (b"(", b"[", b"{"))) <= _DEEPEST and data.count(b"<") <= _DEEPEST_ANGLES:
        return False
    depth = angles = 0
    for match in _BRACKETS.finditer(data):
        mark = match[0]
        if mark == b"<":
            angles += 1
        elif mark == b">":
            angles = max(0, angles - 1)
        else:
            # A statement or a body ends the types before it.
            angles = 0 if mark in b";{}" else angles
            depth = depth + 1 if mark in b"([{" else max(0, depth - 1) if mark in b")]}" else depth
        if depth > _DEEPEST or angles > _DEEPEST_ANGLES:
            return True
    return False


def _is_piped_too_often(data: bytes) -> bool:
    """Whether commands are piped by the thousand: the grammar of the shell takes time by the square, in one step."""
    if data.count(b"|") <= _LONGEST_PIPELINE:
        return False
    length = 0
    for match in _PIPES.finditer(data):
        length = 0 if match[0] == b"\n" else length + 1
        if length > _LONGEST_PIPELINE:
            return True
    return False
