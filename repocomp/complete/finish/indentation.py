"""Lines that were copied from elsewhere, indented as the file at hand is: with tabs or spaces, as wide and as deep."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from repocomp.complete.finish.lexical import State, end_of, walk
from repocomp.complete.finish.surroundings import goes_in

_WIDTHS = (2, 4, 8)
"""Of a level, in spaces."""
_LABEL = re.compile(r"\s*\w+:\s*")
_UNFINISHED = re.compile(r"(?:[-+*/%=&|^?,\\]|\b(?:and|or|not|in|is))\s*$")
_CONTINUES = re.compile(r"\s*(?:[.+*/%&|?=]|->|(?:and|or)\b)")


@dataclass(frozen=True, slots=True)
class Indentation:
    """How a file indents: `unit` is one level, "" where nothing in sight is indented. `first` is the cursor's line.

    `braces_apart`: most braces that open a block have a line of their own.
    """

    language: str
    unit: str
    first: str
    braces_apart: bool

    @classmethod
    def of(cls, left: str, right: str, language: str) -> Indentation:
        """Judge by the lines around the cursor."""
        first = left[left.rfind("\n") + 1 :]
        # A line that is only indented yet says as much as any other.
        lines = f"{left}-\n{right}".split("\n")
        opening = [line.strip() == "{" for line in lines if line.rstrip().endswith("{")]
        return cls(language, _unit(lines, language), first, 2 * sum(opening) > len(opening))

    @property
    def brace(self) -> str:
        """What opens a block behind the end of the cursor's line."""
        return f"\n{_lead(self.first)}{{" if self.braces_apart else " {"

    def fit(self, text: str) -> str:
        """`text` with the leading white space of its further lines as the file has it. It grows with the text."""
        head, *rest = text.split("\n")
        change = self._change(self.first + head, rest) if self.unit else None
        if change is None:
            return text
        return "\n".join([head, *(change.apply(line) for line in rest)])

    def _change(self, first: str, rest: list[str]) -> _Change | None:
        """What the first of the further lines says of where they come from."""
        lines = [line for line in rest if line.strip()]
        # Labels stand half a level further out in some styles.
        sample = next((line for line in lines if not _LABEL.fullmatch(line)), None)
        if sample is None:
            return None
        lead = _lead(sample)
        code = _code(first, self.language)
        is_opening = goes_in(code, self.language)
        depth = _columns(_lead(first), self.unit) + is_opening
        if not lead:
            return None
        if "\t" in self.unit:
            if " " not in lead:
                return _Change(len(lead), 1, depth, self.unit) if is_opening and len(lead) > depth else None
            return _Change(*_source(lead, depth), depth, self.unit)
        if "\t" in lead:
            return _Change(lead.count("\t"), 1, depth, self.unit)
        if not is_opening and self._is_continued(code, sample):
            return None
        width, (other, odd) = len(self.unit), divmod(len(lead), depth) if depth else (0, 0)
        # Half as deep as a line that opens nothing is what comes after its block, not what half as wide levels hold.
        is_outer = not is_opening and len(lead) < width * depth and len(lead) % width == 0
        if not odd and other in (2, 4) and other != width and not is_outer:
            return _Change(len(lead), other, depth, self.unit)
        return _Change(len(lead), width, depth, self.unit) if is_opening and len(lead) > width * depth else None

    def _is_continued(self, code: str, second: str) -> bool:
        """Whether a second line goes on with the statement of the first's `code`: its depth is a matter of taste."""
        return bool(end_of(code, self.language).open or _UNFINISHED.search(code) or _CONTINUES.match(second))


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines whose least deep is `base` columns, in levels of `width` columns, become levels of `unit` from `depth`."""

    base: int
    width: int
    depth: int
    unit: str

    def apply(self, line: str) -> str:
        """One line."""
        lead = _lead(line)
        if not line.strip() or not lead:
            return line
        if self.width > 1 and "\t" in lead and "\t" in self.unit:
            # It is as the file has it already.
            return line
        columns = lead.count("\t") * self.width + lead.count(" ")
        levels, odd = divmod(columns - self.base, self.width)
        return self.unit * max(0, self.depth + levels) + " " * odd + line[len(lead) :]


def _source(lead: str, depth: int) -> tuple[int, int]:
    """Columns of a first line, and the width of the levels that it is likely to be indented by."""
    width, odd = divmod(len(lead), depth) if depth else (len(lead), 0)
    if odd or width not in _WIDTHS:
        width = next(own for own in (4, 2, 1) if len(lead) % own == 0)
    return len(lead), width


def _unit(lines: list[str], language: str) -> str:
    """One level: a tab where most indented lines begin with one, else the commonest step inwards."""
    lines = [line for line in lines if line.strip()]
    leads = [_lead(line) for line in lines]
    tabs = sum(lead.startswith("\t") for lead in leads)
    if tabs and 2 * tabs >= sum(bool(lead) for lead in leads):
        return "\t"
    pairs = list(zip([goes_in(line, language) for line in lines], leads, leads[1:], strict=False))
    steps = Counter(len(b) - len(a) for is_in, a, b in pairs if is_in and len(b) - len(a) in _WIDTHS)
    steps = steps or Counter(len(b) - len(a) for _, a, b in pairs if len(b) - len(a) in _WIDTHS)
    return " " * min(steps, key=lambda step: (-steps[step], step)) if steps else ""


def _columns(lead: str, unit: str) -> int:
    """Levels of a line that is indented as the file is."""
    return lead.count("\t") if unit == "\t" else len(lead) // len(unit)


def _code(line: str, language: str) -> str:
    """A line without the comment at its end."""
    states = walk(line, language)
    return next((line[: now.begin] for now in states if now.region is not None and now.region.is_comment), line)


def _lead(line: str) -> str:
    return re.match(r"[ \t]*", line)[0]  # type: ignore[index]


def stray_lines(text: str, language: str, start: State, first: str, below: str) -> int:
    """How many statements of `text` are deeper than what opens no block, or not deeper than what opens one.

    `text` begins in the state `start` behind `first` on its line; the line `below` follows it.
    """
    if start.region is not None and start.region.spans_lines:
        return 0
    statements: list[tuple[int, str]] = []
    state, depth = start, start.open[0].indent if start.open else len(_lead(first))
    for at, line in enumerate(text.split("\n")):
        lead = first if not at else ""
        if at and state.region is None and not state.open:
            depth = len(_lead(line))
        code = lead + line
        for now in walk(line + "\n", language, State(0, state.region, state.open)):
            if now.region is not None and now.region.is_comment:
                code = lead + line[: now.begin]
        state = now
        if state.region is None and not state.open and code.strip():
            statements.append((depth, code.rstrip()))
    pairs = list(pairwise(statements))
    if len(statements) == 1 and text.strip() and first.rstrip().endswith(":") and len(_lead(below)) <= depth:
        # Comments are no body.
        return 1
    strays = sum((deeper > depth) != code.endswith(":") for (depth, code), (deeper, _) in pairs)
    if statements and below.strip() and below.lstrip()[0] not in "#)]}":
        depth, code = statements[-1]
        strays += len(_lead(below)) > depth and not code.endswith((":", "\\"))
    return strays
