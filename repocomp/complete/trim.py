"""Where a completion ends: stop rules while it is generated, and clean-up once it is there. Pure functions of text.

A line completion ends at the first line end after something visible; a block ends where its indentation does. What
already stands after the cursor is never written twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from repocomp.request import Filter, Mode

StopReason = Literal["line", "block", "suffix"]

_PAIRS = {")": "(", "]": "[", "}": "{"}
_LOOP = 3
"""A line written this often in a row is a loop, not a thought."""
_CHANCE = 4
"""Characters that two texts share by chance at most."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The text beside the cursor: `before` and `after` on its own line, and the first visible line below."""

    before: str
    after: str
    below: str

    @classmethod
    def of(cls, left: str, right: str) -> Surroundings:
        """From the text left and right of the cursor."""
        after, _, rest = right.partition("\n")
        below = next((line for line in rest.split("\n") if line.strip()), "")
        return cls(left[left.rfind("\n") + 1 :], after, below)

    @property
    def indent(self) -> int:
        """Columns of white space the cursor's line opens with."""
        return _indent(self.before)

    @property
    def opens_block(self) -> bool:
        """Whether the cursor stands where a body begins: at the end of a line that opens one."""
        return not self.after.strip() and self.before.rstrip().endswith((":", "{", "=>"))


def choose_mode(left: str, surroundings: Surroundings) -> Mode:
    """`block` where a body is to be written and nothing follows on the line, else `line`."""
    if surroundings.after.strip():
        return "line"
    if surroundings.before.strip():
        return "block" if surroundings.opens_block else "line"
    above = next((line for line in reversed(left.split("\n")) if line.strip()), "")
    return "block" if above.rstrip().endswith((":", "{", "=>")) else "line"


def stop_rule(mode: Mode, surroundings: Surroundings) -> Callable[[str], StopReason | None]:
    """A test of the text generated so far: None while it may go on."""
    return _stop_line if mode == "line" else lambda text: _stop_block(text, surroundings)


def trim(text: str, mode: Mode, surroundings: Surroundings, *, finished: bool) -> tuple[str, list[Filter]]:
    """Cut `text` to what should be inserted. `finished` is False when generation was cut off by length or time."""
    filters: list[Filter] = []

    def apply(rule: str, shorter: str) -> str:
        if shorter != text:
            filters.append(Filter(rule, "trimmed" if shorter else "dropped"))
        return shorter

    text = _first_line(text) if mode == "line" else apply("scope", _body(text, surroundings))
    text = apply("unfinished-line", text if finished or mode == "line" else _whole_lines(text))
    text = apply("suffix-line", _without_line_below(text, surroundings.below))
    text = apply("repetition", _without_loop(text))
    text = apply("suffix-overlap", _without_overlap(text, surroundings.after))
    text = text.rstrip() if not surroundings.after.strip() else text
    return apply("blank", text if text.strip() else ""), filters


def settled(text: str, mode: Mode, surroundings: Surroundings) -> str:
    """The start of a text that still grows which no rule of `trim` can take back, however it goes on."""
    if mode == "line":
        safe = _first_line(text)
        # A line below the cursor's may turn out to be the one that stands there.
        safe = "" if "\n" in safe else safe
    else:
        safe = _settled_lines(text.split("\n")[:-1], surroundings)
    overlap = len(surroundings.after.rstrip())
    return safe[: max(0, len(safe) - overlap)].rstrip()


def _settled_lines(whole: list[str], surroundings: Surroundings) -> str:
    """Of whole lines those that stay: inside the block, not its last, before the suffix, in no run of equal ones."""
    lines = _body("\n".join(whole), surroundings).split("\n")
    twice = [at for at in range(1, len(lines)) if lines[at].strip() and lines[at] == lines[at - 1]]
    loop = next((at for at in twice if at + 1 == len(lines) or at + 1 in twice), len(lines))
    kept = "\n".join(lines[: min(loop, len(lines) - 1)])
    return _without_line_below(kept, surroundings.below)


def _stop_line(text: str) -> StopReason | None:
    return "line" if "\n" in text.lstrip() else None


def _stop_block(text: str, surroundings: Surroundings) -> StopReason | None:
    lines = text.split("\n")
    whole = lines[1:-1]
    if surroundings.below and any(line.rstrip() == surroundings.below.rstrip() for line in whole):
        return "suffix"
    floor = _floor(surroundings)
    last = next((line for line in reversed(lines[1:]) if line.strip()), None)
    if last is not None and _indent(last) < floor and not _closes(last):
        return "block"
    return "block" if len(whole) >= _LOOP and len(set(whole[-_LOOP:])) == 1 else None


def _first_line(text: str) -> str:
    lead = len(text) - len(text.lstrip())
    end = text.find("\n", lead)
    return text if end < 0 else text[:end]


def _floor(surroundings: Surroundings) -> int:
    """The indentation a block's lines keep: deeper than a line that opens it, as deep as a blank one."""
    return surroundings.indent + 1 if surroundings.opens_block else surroundings.indent


def _body(text: str, surroundings: Surroundings) -> str:
    """The lines that belong to the block, a closing bracket on a line of its own included."""
    first, *rest = text.split("\n")
    floor = _floor(surroundings)
    kept = [first]
    for line in rest:
        if line.strip() and _indent(line) < floor:
            if _closes(line) and _indent(line) >= floor - 1 and _opened("\n".join(kept), line.strip()[0]):
                kept.append(line)
            break
        kept.append(line)
    return "\n".join(kept)


def _whole_lines(text: str) -> str:
    """Without the last line, which may have been cut in its middle, unless it is the only one."""
    head, newline, _ = text.rpartition("\n")
    return head if newline and head.strip() else text


def _without_line_below(text: str, below: str) -> str:
    if not below.strip():
        return text
    lines = text.split("\n")
    for at, line in enumerate(lines[1:], 1):
        if line.rstrip() == below.rstrip():
            return "\n".join(lines[:at])
    return text


def _without_loop(text: str) -> str:
    lines = text.split("\n")
    for at in range(_LOOP - 1, len(lines)):
        run = lines[at - _LOOP + 1 : at + 1]
        if run[0].strip() and len(set(run)) == 1:
            return "\n".join(lines[: at - _LOOP + 2])
    return text


def _without_overlap(text: str, after: str) -> str:
    """Drop the end of `text` that already stands right of the cursor, unless a bracket would then stay open."""
    rest = after.rstrip()
    if not rest.strip():
        return text
    for size in range(min(len(text), len(rest)), 0, -1):
        if text.endswith(rest[:size]):
            shorter = text[: len(text) - size]
            return shorter if _overlap_counts(shorter, rest, size) else text
    return text


def _overlap_counts(shorter: str, rest: str, size: int) -> bool:
    """Not when a bracket stays open; else the whole remainder, a bracket, or a stretch too long to be chance."""
    removed = rest[:size]
    if any(_opened(shorter, char) for char in removed):
        return False
    return size == len(rest) or size >= _CHANCE or removed[-1] in _PAIRS


def _opened(text: str, closing: str) -> bool:
    """Whether `text` leaves a bracket open that `closing` would close."""
    opening = _PAIRS.get(closing)
    return opening is not None and text.count(opening) > text.count(closing)


def _closes(line: str) -> bool:
    return line.lstrip()[:1] in _PAIRS


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
