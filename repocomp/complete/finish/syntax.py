"""What a grammar says of an answer: how many faults the text around the cursor has with it in place.

Only the statements around it are parsed, so that it takes a millisecond or two: from the line they begin at to the one
they end at, and what is open where they had to be cut is closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repocomp.complete.finish.lexical import CLOSERS, Bracket, end_of, region_after
from repocomp.complete.finish.surroundings import indent_of
from repocomp.languages.table import parser

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_LEFT, _RIGHT = 1600, 1000
"""Characters that are parsed at most on each side, to whole lines."""
_LONGEST, _MOST_CALLS = 3000, 500
"""Characters with long lines, and calls of a parser for leave to go on: it asks a hundred times for 3,000 characters of
code at most, and tens of thousands of times for some that nobody wrote. Counted, so that an answer depends on no clock.
Within one step some grammars take memory by the square of a text: 0.3 GB for 3,000 characters, 2 GB for 8,000.
"""


@dataclass(frozen=True, slots=True)
class Syntax:
    """The statements around a cursor, in a language that has a grammar."""

    language: str
    left: str
    right: str
    open: tuple[Bracket, ...]

    @classmethod
    def of(cls, left: str, right: str, language: str, owed: int) -> Syntax:
        """Cut both sides to what is parsed. Of the brackets that are open at the cursor, the innermost are `owed`."""
        start = _start(left)
        near = left[start:]
        rest = right[: _end(right, indent_of(near))]
        opening = region_after(left[:start], language)
        head = "" if opening is None else "/*" if opening.is_comment else opening.closing
        end = end_of(head + near + rest, language)
        closing = end.region.closing if end.region is not None else ""
        here = len(end_of(head + near, language).open)
        cut_open = (*end.open[: max(0, here - owed)], *end.open[here:])
        return cls(language, head + near, f"{rest}{closing}\n", cut_open)

    def faults(self, answer: str) -> int:
        """Places where the grammar does not follow: what is missing or has no business there.

        0 without a grammar, and where it would take too long to say.
        """
        known = parser(self.language)
        if known is None:
            return 0
        text = f"{self.left}{answer}{self.right}"
        # What an answer leaves open counts against it, what the cut has left open does not.
        cut_open = min(self.open, end_of(text, self.language).open, key=len)
        text += "".join(CLOSERS[bracket.char] for bracket in reversed(cut_open))
        root = _parsed(known, text)
        return 0 if root is None else _count(root)

    def best(self, answers: Sequence[str]) -> str:
        """The first of `answers` with the fewest faults."""
        best, least = answers[0], self.faults(answers[0])
        for answer in answers[1:]:
            if not least:
                break
            if (faults := self.faults(answer)) < least:
                best, least = answer, faults
        return best


def _start(left: str) -> int:
    """Where the statement begins that the cursor's line is part of: the nearest line that is indented least."""
    at = best = left.rfind("\n") + 1
    least = indent_of(left[at:]) + (not _is_telling(left[at:]))
    while least and 0 < at and len(left) - at < _LEFT:
        at = left.rfind("\n", 0, at - 1) + 1
        line = left[at : left.find("\n", at)]
        if _is_telling(line) and indent_of(line) < least:
            best, least = at, indent_of(line)
    return best


def _end(right: str, indent: int) -> int:
    """Where the statement after it ends: at the second line that is indented no more and closes nothing."""
    at, seen = right.find("\n") + 1, 0
    while 0 < at < _RIGHT:
        end = right.find("\n", at)
        line = right[at : end if end >= 0 else len(right)]
        if line.strip() and indent_of(line) <= indent:
            if line.strip()[0] not in ")]}" and seen:
                return at
            seen += 1
        if end < 0:
            return len(right)
        at = end + 1
    return at if at > 0 else len(right)


def _is_telling(line: str) -> bool:
    """Whether a line begins something, as no bracket, no directive and no blank line does."""
    head = line.lstrip()[:1]
    return head.isalnum() or head in ("_", "@", '"', "'", "<", "*", "&")


def _parsed(parser: Parser, text: str) -> Node | None:
    """The root of the tree; None where it would take too long."""
    if len(text) > _LONGEST:
        return None
    data, calls = text.encode(), itertools.count()
    try:
        return parser.parse(lambda at, _: data[at:], progress_callback=lambda *_: next(calls) >= _MOST_CALLS).root_node
    except ValueError:
        # Else it would go on where it was ended, with another text.
        parser.reset()
        return None


def _count(root: Node) -> int:
    waiting, faults = [root], 0
    while waiting:
        node = waiting.pop()
        if node.has_error:
            faults += node.is_error or node.is_missing
            waiting += node.children
    return faults
