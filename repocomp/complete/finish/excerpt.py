"""The part of a file that tells a grammar whether an answer fits: the lines around the cursor, and what they stand in.

Lines near the cursor are kept as they are. Of all others those are that open what the near ones stand in, found by
indentation alone, and those that close it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from repocomp.complete.finish.lexical import Region, State, end_of, region_after
from repocomp.complete.finish.surroundings import goes_in
from repocomp.languages.table import language as language_named

_LEFT, _RIGHT = 1200, 800
"""Characters that are kept next to a cursor, to whole lines."""
_HEAD_LINES, _LONG_LINE, _MOST = 12, 400, 40
"""Lines of one opening, such as the parameters of a function; characters from which on a line opens nothing; and how
deep a cursor may stand, so that no file takes long.
"""
_WIDTH = 4
"""Columns of a tab, where spaces indent too."""
_CLOSES = re.compile(r"\s*(?:[)\]}]|(?:end|fi|done|esac)\b)")
_GOES_ON = re.compile(
    r"\s*(?:(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|then|do|where|implements|extends|throws)\b"
    r"|(?:case\b.*|(?!try)\w+):\s*$)"
)
"""What goes on with something that a line above has begun."""
_DECORATES = re.compile(r"\s*(?:@|#\[|\[\w+\S*\]|\)\s*$)")
"""What says something of the line below, which belongs to it."""
_MARKS = {"php": "<?php\n"}
"""Without which the text of a language is that of another."""
_DEFINES = re.compile(r"\s*(?:async def|def|class)\b")
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|endif)", re.M)
_OPENS_NOTHING = re.compile(
    r"#\s*(?:if|el|end|def|inc|pragma|undef|error)"
    r"|\s*(?:/[*/]|\*|#[^\[]|(?:private|protected|public|module_function)\s*$)"
)
"""Directives, comments and what stands beside definitions, as little indented as what they are in."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is kept of the text left and right of a cursor."""

    left: str
    right: str

    @classmethod
    def of(cls, left: str, right: str, language: str, region: Region | None) -> Excerpt:
        """Of the whole text on both sides; behind the cursor it goes on in `region`."""
        above, below = left.split("\n"), right.split("\n")
        first, last = _first_near(above), _last_near(below, above[-1], language, region)
        opened = region_after("\n".join([*above[:first], ""]), language)
        head = "" if opened is None else opened.opener if opened.is_comment else opened.closing
        near = "\n".join(above[first:])
        outer = _opening(above, first, language)
        begin = "\n".join([*outer, head + near])
        rest = "\n".join(below[:last])
        if (cut := end_of(rest, language, State(0, region)).region) is not None and cut.spans_lines:
            rest += cut.closing
            last = next((at for at in range(last, len(below)) if cut.closing in below[at]), len(below)) + 1
        end = "\n".join([rest, *_closing(below, last, _depth(above), language)])
        opens, ends = _conditions(f"{begin}{end}")
        mark = _MARKS.get(language, "")
        start = "#if 1\n" * opens + mark * (mark not in begin)
        return cls(start + begin, end + "\n#endif" * ends)


def _first_near(lines: Sequence[str]) -> int:
    """The first of the near lines: the earliest within reach that begins something, as little indented as any."""
    size, best, first = 0, (1 << 16, False), len(lines) - 1
    for at in range(len(lines) - 1, -1, -1):
        size += len(lines[at]) + 1
        if size > _LEFT and at < len(lines) - 1:
            return first
        rank = _columns(lines[at]), bool(at and lines[at - 1].strip())
        if _begins(lines[at]) and rank <= best:
            first, best = at, rank
    return 0


def _last_near(lines: Sequence[str], before: str, language: str, region: Region | None) -> int:
    """How many lines right of the cursor are near: up to the last that begins something, as little indented as any."""
    size, best, last, state, last_line = 0, (1 << 16, False), 0, State(0, region), before
    seen = False
    for at, line in enumerate(lines):
        rank = _columns(line), bool(at and lines[at - 1].strip())
        if seen and rank <= best and _begins(line) and _is_between(state) and not _DECORATES.match(last_line):
            last, best = at, rank
        last_line = (before + line if not at else line) if line.strip() else last_line
        seen = seen or bool(at and line.strip())
        size += len(line) + 1
        if size > _RIGHT and at:
            return last or at
        state = end_of(line + "\n", language, State(0, state.region, state.open))
    return len(lines)


def _is_between(state: State) -> bool:
    """Whether a statement may end there."""
    return state.region is None and not any(bracket.char in "([" for bracket in state.open)


def _opening(lines: Sequence[str], first: int, language: str) -> list[str]:
    """The lines above the near ones that open what these stand in."""
    kept: dict[int, str] = {}
    least = _columns(lines[first]) + (not _begins(lines[first]))
    at = first
    while least and at and len(kept) < _MOST:
        at -= 1
        line = lines[at]
        if not _is_outside(line, least):
            continue
        least = _columns(line) + (not _begins(line))
        kept |= {at + number: text for number, text in enumerate(_head(lines, at, first, language))}
    return [kept[at] for at in sorted(kept)]


def _head(lines: Sequence[str], at: int, first: int, language: str) -> list[str]:
    """A line with those behind it that its brackets need."""
    whole = None
    known = language_named(language)
    opener = known.opens_block if known is not None and known.opens_block in (("{",), (":",)) else None
    for end in range(at + 1, min(first, at + _HEAD_LINES) + 1):
        if _is_between(end_of("\n".join(lines[at:end]), language)):
            whole = whole or list(lines[at:end])
            if opener is None or lines[end - 1].rstrip().endswith(opener):
                return list(lines[at:end])
    return whole or [lines[at]]


def _is_outside(line: str, least: int) -> bool:
    """Whether a line may open or close what stands deeper than `least` columns."""
    is_code = line.strip() != "" and len(line) < _LONG_LINE and not _OPENS_NOTHING.match(line)
    return is_code and _columns(line) < least


def _depth(lines: Sequence[str]) -> int:
    """Columns of the last visible line."""
    return next((_columns(line) for line in reversed(lines) if line.strip()), 0)


def _closing(lines: Sequence[str], last: int, depth: int, language: str) -> list[str]:
    """The lines below the near ones that close what these, or the cursor's line at `depth`, stand in."""
    near = [line for line in lines[1:last] if line.strip()]
    kept: list[str] = []
    least = _columns(near[-1]) + goes_in(near[-1], language) if near else depth + 1
    for at, line in enumerate(lines[last:], last):
        if kept and kept[-1].strip() == ")" and lines[at - 1] == kept[-1] and _DEFINES.match(line):
            # What was closed decorates it.
            kept += [*_head(lines, at, len(lines), language), line[: len(line) - len(line.lstrip())] + " pass"]
        if not least or len(kept) >= _MOST:
            break
        if not _is_outside(line, least):
            continue
        goes_on = bool(_GOES_ON.match(line)) or goes_in(line, language)
        is_part = bool(_CLOSES.match(line) or _GOES_ON.match(line))
        least = _columns(line) + (is_part and goes_on)
        if is_part:
            kept.append(line)
    return kept


def _conditions(text: str) -> tuple[int, int]:
    """How many conditions of a preprocessor end in `text` that do not begin there, and the other way round."""
    opens = ends = 0
    for match in _CONDITION.finditer(text):
        if match[1] == "if":
            ends += 1
        elif ends:
            ends -= 1
        else:
            opens += 1
    return opens, ends


def _begins(line: str) -> bool:
    """Whether a line begins something, as no bracket, no directive and no blank line does."""
    head = line.lstrip()[:1]
    return (head.isalnum() or head in tuple("_@\"'<&~!$[#/")) and not _GOES_ON.match(line) and not _CLOSES.match(line)


def _columns(line: str) -> int:
    """Of white space that a line begins with."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(_WIDTH))
