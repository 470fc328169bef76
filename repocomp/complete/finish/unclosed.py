"""Which of the brackets that are open at a cursor the text behind it leaves open, and which it closes in vain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from repocomp.complete.finish.lexical import PAIRS, Bracket, Region, State, walk

SHORT = "(["
"""Brackets whose end is in sight of their beginning."""


@dataclass(frozen=True, slots=True)
class Closer:
    """A bracket that is closed behind the cursor and was not opened there: on which line, and whether it opens that."""

    bracket: Bracket
    line: int
    is_first: bool

    def could_close(self, indent: int, *, has_body: bool) -> bool:
        """Whether what it closes can be opened at the cursor, on a line of so much `indent`.

        Else it was opened further up than anybody sees.
        """
        if self.line and not has_body and self.bracket.char != "}":
            return False
        return not self.is_first or self.bracket.indent >= indent


def closers(right: str, language: str, region: Region | None) -> Iterator[Closer]:
    """The brackets that are closed behind the cursor, where the text goes on in `region`, and not opened there."""
    for state in walk(right, language, State(0, region)):
        if state.closed is not None:
            before = right[: state.begin]
            is_first = "\n" in before and not before[before.rfind("\n") + 1 :].strip()
            yield Closer(state.closed, before.count("\n"), is_first)


def unclosed(
    open_: tuple[Bracket, ...], closers: Sequence[Closer], indent: int, least: int, *, has_body: bool
) -> tuple[int, str]:
    """How many of the innermost brackets stay open, and the opening brackets that are missing at so much `indent`.

    Long blocks may be closed further down than anybody sees, but for those that are as deep as the `least` deep line
    in sight; where the whole file is in sight that is -1.
    """
    rest, missing, free = list(open_), "", 0
    met: list[int] = []
    for closer in closers:
        at = len(rest) - 1
        while at >= 0 and not _is_pair(rest[at], closer.bracket, closer.is_first):
            # What the cursor's line closes is no block that further lines are to close.
            at = at - 1 if closer.line or rest[at].indent >= indent else -1
        if missing and at >= 0 and not closer.is_first:
            # A body was opened behind them: what is closed after it was opened first.
            at -= _surplus(rest[: at + 1], closer, closers)
        if at < 0:
            missing += PAIRS[closer.bracket.char] if closer.could_close(indent, has_body=has_body) else ""
            continue
        free += 0 if met else len(rest) - 1 - at
        met.append(at)
        del rest[at:]
    if met:
        # Of several of a kind in a row those behind the cursor close the outer ones.
        free += _row(open_, met)
    else:
        is_hidden = (bracket.char not in SHORT and bracket.indent < least for bracket in reversed(rest))
        free = next((at for at, hidden in enumerate(is_hidden) if hidden), len(rest))
    return free, missing[::-1]


def _row(open_: Sequence[Bracket], met: Sequence[int]) -> int:
    """How many brackets like the first of those that are `met` stand in a row before it and are not met."""
    outer = takewhile(lambda at: open_[at] == open_[met[0]], reversed(range(met[0])))
    return sum(at not in met for at in outer) if open_[met[0]].char in SHORT else 0


def _surplus(rest: Sequence[Bracket], closer: Closer, closers: Sequence[Closer]) -> int:
    """How many more brackets of a kind are open in a row than the line of `closer` closes."""
    row = next((n for n, bracket in enumerate(reversed(rest)) if bracket.char != rest[-1].char), len(rest))
    return max(0, row - sum(own.line == closer.line and not own.is_first for own in closers))


def _is_pair(opening: Bracket, closing: Bracket, is_first: bool) -> bool:
    """A bracket that opens its line closes no statement that is deeper than it, and a brace none that is less deep."""
    if opening.char != PAIRS[closing.char]:
        return False
    deeper = opening.indent - closing.indent
    return not is_first or deeper == 0 or (deeper < 0 and closing.char != "}")
