"""The lines around a cursor, and how much is missing between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from repocomp.languages.table import language as language_named
from repocomp.prompt.window import OPENS_BLOCK
from repocomp.request import Mode


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The text beside the cursor: `before` and `after` on its own line; the nearest visible lines above and below."""

    before: str
    after: str
    above: str
    below: str

    @classmethod
    def of(cls, left: str, right: str) -> Surroundings:
        """From the text left and right of the cursor."""
        after, _, rest = right.partition("\n")
        further, _, before = left.rpartition("\n")
        above = next((line for line in reversed(further.split("\n")) if line.strip()), "")
        below = next((line for line in rest.split("\n") if line.strip()), "")
        return cls(before, after, above, below)

    @property
    def indent(self) -> int:
        """Columns of white space the cursor's line opens with."""
        return indent_of(self.before)

    @property
    def is_inside_a_line(self) -> bool:
        """Whether text follows on the cursor's line."""
        return bool(self.after.strip())

    @property
    def opens_block(self) -> bool:
        """Whether the cursor stands where a body begins: at the end of a line that opens one.

        Behind a colon and a blank stands a value, or a type.
        """
        is_value = self.before[-1:].isspace() and self.before.rstrip().endswith(":")
        return not self.is_inside_a_line and not is_value and self.before.rstrip().endswith(OPENS_BLOCK)

    @property
    def floor(self) -> int:
        """The indentation that a block's lines keep: deeper than the line that opens it, as deep as a blank one."""
        if self.opens_block:
            return self.indent + 1
        is_body = not self.before.strip() and self.above.rstrip().endswith(OPENS_BLOCK)
        return max(self.indent, indent_of(self.above) + 1) if is_body else self.indent

    @property
    def mode(self) -> Mode:
        """`block` where a body is to be written and nothing follows on the line, else `line`."""
        if self.is_inside_a_line:
            return "line"
        if self.before.strip():
            return "block" if self.opens_block else "line"
        return "block" if self.above.rstrip().endswith(OPENS_BLOCK) else "line"


def goes_in(line: str, language: str) -> bool:
    """Whether deeper lines follow `line`, as far as it alone tells."""
    return _openers(language).match(line.strip()) is not None


def indent_of(line: str) -> int:
    """Columns of white space that a line opens with."""
    return len(line) - len(line.lstrip(" \t"))


@cache
def _openers(language: str) -> re.Pattern[str]:
    """Lines of a language that deeper ones follow: by what opens a block in most, and in this one."""
    known = language_named(language)
    ends = {*OPENS_BLOCK, "(", "[", *(known.opens_block if known is not None else ())}
    patterns = [(r".*\b" if end.isalpha() else ".*") + re.escape(end) + "$" for end in sorted(ends)]
    begins = known.opening_lines if known is not None else ""
    return re.compile("|".join([*patterns, *filter(None, [begins])]))
