"""What a grammar says of an answer: how many faults the file has with it in place.

A small file is parsed whole. Of a larger one an excerpt is, which holds all that the cursor stands in.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from repocomp.complete.finish.excerpt import Excerpt
from repocomp.complete.finish.indentation import stray_lines
from repocomp.complete.finish.lexical import PAIRS, Bracket, State, closers_of, end_of, walk
from repocomp.complete.finish.needs import Needs
from repocomp.complete.finish.surroundings import Surroundings
from repocomp.languages.reading import parse
from repocomp.languages.table import language as language_named
from repocomp.languages.table import parser

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_LONGEST, _MOST_CALLS = 3000, 500
"""Characters that are parsed at most in all, and calls of a parser for leave to go on: it asks a hundred times for so
much code at most, and tens of thousands of times for some that nobody wrote. Counted, so that an answer depends on no
clock. Within a single step some grammars take memory by the square, whatever is tried to tell such texts beforehand:
0.3 GB for 3,000 characters, 2 GB for 8,000.
"""
_FILLERS = ("x ", "x;", ";", "if (x) ", "{}")
"""What may stand at a cursor where a name, a statement or a beginning is wanted."""
_MENDABLE = 3
"""Faults of a file up to which one of these may be all that it lacks."""
_ANSWER = 500
"""Characters of these that are left for an answer."""


@dataclass(frozen=True, slots=True)
class Syntax:
    """A file, or an excerpt of it, in a language that has a grammar.

    `open` are the brackets that are open at the cursor, `met` those of which the text behind it has the other half.
    `end` closes what that text itself leaves open.
    """

    language: str
    left: str
    right: str
    open: tuple[Bracket, ...]
    met: str
    end: str
    needs: Needs
    around: Surroundings

    @classmethod
    def of(cls, left: str, right: str, needs: Needs, around: Surroundings, above: str = "", below: str = "") -> Syntax:
        """For the cursor between `left` and `right`; `above` and `below` are the rest of the file."""
        left, right = above + left, right + below
        if len(left) + len(right) >= _LONGEST - _ANSWER:
            excerpt = Excerpt.of(left, right, needs.language, needs.region)
            left, right = excerpt.left, excerpt.right
        open_ = end_of(left, needs.language).open
        states = list(walk(right, needs.language, State(0, needs.region)))
        met = "".join(PAIRS[state.closed.char] for state in states if state.closed is not None)
        return cls(needs.language, left, f"{right}\n", open_, met, closers_of(states[-1].open), needs, around)

    def best(self, answers: Sequence[str]) -> str:
        """The first of `answers` with the fewest faults; nothing where even that harms the file."""
        best, least = answers[0], self.faults(answers[0])
        for answer in answers[1:]:
            if not least:
                break
            if (faults := self.faults(answer)) < least:
                best, least = answer, faults
        is_harm = bool(best.strip()) and least and self._harms(best, least)
        return "" if is_harm else best

    def faults(self, answer: str) -> int:
        """Places where the grammar does not follow: what is missing or has no business there.

        0 without a grammar, and where it would take too long to say. A block that an answer opens may follow it.
        """
        least = self._faults(answer)
        for body in self._bodies(answer) if least else ():
            least = min(least, self._faults(answer, body))
        return least + self._stray_lines(answer)

    def is_closed_by(self, answer: str, word: str) -> bool:
        """Whether `word` makes an answer whole that is not."""
        return self._faults(answer) > 0 and not self._faults(answer, word)

    def _harms(self, answer: str, faults: int) -> bool:
        """Whether the file is better off without an answer that has `faults`, be it with or without its line.

        A file that is being written has faults of its own; one where something is to be opened has them until it is.
        """
        without = self._faults("")
        if self.needs.is_inside_text:
            return faults > without
        if self.needs.is_to_open and (faults >= max(without, 1) or bool(self.needs.lacking(answer))):
            return True
        if self.needs.is_to_open and any(self._faults(opener) < faults for opener in self._openers()):
            return True
        if self.needs.is_to_close and 0 < without <= faults:
            return True
        if without and (self.around.before.strip() or self.around.after.strip()):
            line = len(self.left) - len(self.around.before)
            without = min(without, self._faults_of(self.left[:line] + self.right[len(self.around.after) :]))
        for filler in self._fillers() if 0 < without <= _MENDABLE else ():
            without = min(without, self._faults(filler))
            if not without:
                break
        return not without

    def _openers(self) -> Iterator[str]:
        """What would open what follows."""
        colon = ":" * (self.needs.has_body and self.needs.opens_by_colon)
        yield from (f"{filler}{self.needs.missing}{colon}" for filler in ("x", "x ", "if (x) ", "if x"))

    def _fillers(self) -> Iterator[str]:
        """What might make a file whole at the cursor."""
        end = self.needs.closing("") + self.needs.missing
        yield from (filler + end for filler in ("", *_FILLERS) if filler or end)
        if self.needs.start.open and not end:
            yield self.needs.innermost_closing
        elif end:
            yield f"x{end};"

    def _faults(self, answer: str, body: str = "") -> int:
        text = f"{self.left}{answer}{body}{self.right}"
        # What stands around the answer is parsed once for all that is tried there.
        base = _around(self.language, self.left, self.right)
        end = self._left_open(answer)
        if base is None:
            return 0
        tree = base.copy()
        start, data, size = self.left.encode(), (text + end).encode(), len((answer + body).encode())
        row, column = start.count(b"\n"), len(start) - start.rfind(b"\n") - 1
        inserted = data[len(start) : len(start) + size]
        lines = inserted.count(b"\n")
        last = len(inserted) - inserted.rfind(b"\n") - 1 if lines else column + size
        tree.edit(len(start), len(start), len(start) + size, (row, column), (row, column), (row + lines, last))
        if end:
            at = len(data) - len(end)
            line = data.count(b"\n")
            tree.edit(at, at, len(data), (line, 0), (line, 0), (line, len(end)))
        return _count_of(_parsed(self.language, data, tree))

    def _left_open(self, answer: str) -> str:
        """What closes the brackets at the end of the file that are not for an answer to close."""
        inner = max(self.needs.closed(answer), self.needs.owed, self.needs.is_to_close)
        count = max(0, len(self.open) - inner)
        for char in self.met:
            count = next((at for at in reversed(range(count)) if self.open[at].char == char), count)
        return self.end + closers_of(self.open[:count])

    def _stray_lines(self, answer: str) -> int:
        """Of a language whose blocks are told by depth alone; its grammar is not strict about it."""
        if not self.needs.opens_by_colon or self.around.is_inside_a_line or not answer.strip():
            return 0
        return stray_lines(answer, self.language, self.needs.start, self.around.before, self.around.below)

    def _faults_of(self, text: str) -> int:
        return _count_of(_parsed(self.language, text.encode()))

    def _bodies(self, answer: str) -> Iterator[str]:
        """Whole blocks for an answer that opens one, where none follows yet."""
        known = language_named(self.language)
        if known is not None and not self.around.is_inside_a_line and self.needs.may_have_body(answer):
            lead = self.around.before[: self.around.indent]
            yield from (f"\n{lead} {body}" for body in known.empty_blocks)


@lru_cache(maxsize=1)
def _around(language: str, left: str, right: str) -> Tree | None:
    return _parsed(language, (left + right).encode())


def _parsed(language: str, data: bytes, old: Tree | None = None) -> Tree | None:
    """The tree of `data`, made from that of an `old` text which was told the difference.

    None without a grammar, and where it would take too long.
    """
    known = parser(language)
    if known is None or len(data) > _LONGEST:
        return None
    calls = itertools.count()
    return parse(known, data, lambda *_: next(calls) >= _MOST_CALLS, old)


def _count_of(tree: Tree | None) -> int:
    return 0 if tree is None else _count(tree.root_node)


def _count(root: Node) -> int:
    waiting, faults = [root] if root.has_error else [], 0
    while waiting:
        node = waiting.pop()
        inner = [child for child in node.children if child.has_error]
        # A token without a name, such as the end of a line, is missed without a trace but this.
        faults += node.is_error or node.is_missing or not inner
        waiting += inner
    return faults
