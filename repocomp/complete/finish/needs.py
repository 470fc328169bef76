"""What the text around a cursor leaves for an answer to open and close, and how much of an answer keeps to that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from repocomp.complete.finish.lexical import (
    CLOSERS,
    Bracket,
    Region,
    State,
    closers_of,
    end_of,
    region_after,
    regions,
    walk,
)
from repocomp.complete.finish.surroundings import indent_of
from repocomp.complete.finish.unclosed import SHORT, closers, unclosed
from repocomp.languages.table import language as language_named

_QUOTES = "\"'"
"""They may span lines in some languages and seldom do."""


@dataclass(frozen=True, slots=True)
class Needs:
    """`start` is the state at the cursor; the text behind it goes on inside `region`.

    `free` counts the innermost of the open brackets that nothing behind the cursor closes; an answer may close them,
    and should where it is `owed`: they are no blocks. `missing` are those that are closed there and never opened, the
    outermost first. `has_body` says that deeper lines follow, which the cursor's line is to open. `is_dedented`
    says that nothing stands before the cursor, on a line less deep than the one above.
    """

    language: str
    start: State
    indent: int
    region: Region | None
    free: int
    owed: int
    missing: str
    has_body: bool
    is_dedented: bool

    @classmethod
    def of(cls, left: str, right: str, language: str, above: str = "", *, is_cut: bool = False) -> Needs:
        """`above` is the text before `left`; `is_cut` says that the file goes on behind `right`."""
        start = end_of(left, language, State(0, region_after(above, language)))
        line = left[left.rfind("\n") + 1 :]
        indent = indent_of(line)
        is_continued = left[: len(left) - len(line)].endswith("\\\n")
        if (
            start.region is not None
            and start.region.closing in _QUOTES
            and not is_continued
            and (start.region.closing not in line)
        ):
            # The window begins in the middle of one: no such string is as long as this.
            start = State(start.at)
        # What begins on the cursor's own line is being written, and ends nowhere yet.
        is_new = start.region is not None and (start.region.closing in line or start.region.opener in line)
        region = _continued(start.region, right, language, is_cut=is_cut and not is_new)
        below = [indent_of(line) for line in right.split("\n")[1:] if line.strip() and line[0] != "#"]
        least = min(below, default=-1) if is_cut else -1
        has_body = bool(below) and below[0] > indent
        behind = list(closers(right, language, region))
        free, missing = unclosed(start.open, behind, indent, least, has_body=has_body)
        owed = next((at for at in range(free) if start.open[-1 - at].char not in SHORT), free)
        # Nor does anybody close them in the middle of a text that goes on.
        owed = 0 if has_body or (region is not None and region.spans_lines and region == start.region) else owed
        above = next((line for line in reversed(left.split("\n")[:-1]) if line.strip()), "")
        is_dedented = not line.strip() and indent_of(above) > indent
        return cls(language, start, indent, region, free, owed, missing, has_body, is_dedented)

    def walk(self, answer: str) -> Iterator[State]:
        """The states of an answer."""
        return walk(answer, self.language, self.start, self.indent)

    def _end(self, answer: str) -> State:
        """The last of them."""
        return end_of(answer, self.language, self.start, self.indent)

    def fitting(self, answer: str) -> str:
        """The start of `answer` that closes nothing which is closed behind the cursor. It grows with the answer."""
        floor = len(self.start.open) - self.free
        is_inside = self.region is not None and self.region == self.start.region and self.region.closing != "\n"
        for state in self.walk(answer):
            if state.closed is not None and not self._is_pattern(state.closed):
                return answer[: state.at - 1]
            if len(state.open) < floor:
                return answer[: state.at - 1]
            if is_inside and state.region is None:
                return answer[: state.begin]
        return answer

    def torn(self, answer: str) -> Region | None:
        """The string in which an answer ends and should not."""
        region = self._end(answer).region
        return region if region is not None and not region.is_comment and region != self.region else None

    def closing(self, answer: str, margin: str = " ", *, has_lines: bool = False) -> str:
        """What closes all that an answer leaves open, on lines of their own what stands so in most code.

        Those are braces where the answer `has_lines`, and brackets of lists that have lines; `margin` indents them.
        """
        end = self._end(answer)
        own, _ = self._met(answer, end)
        region = end.region
        is_open = region is not None and region != self.region and (not region.is_comment or region.spans_lines)
        if region is not None and region.is_comment:
            # A comment that began further up goes on further down.
            is_open = is_open and self.start.region != region
        closing = (" " * region.is_comment) + region.closing if region is not None and is_open else ""
        for bracket in reversed(own if not self.has_body else ()):
            is_list = answer.endswith(",") and bracket in self.start.open and bracket.indent < self.indent
            closing += f"\n{margin * bracket.indent}" if is_list or (has_lines and bracket.char == "{") else ""
            closing += CLOSERS[bracket.char]
        return closing

    def text_end(self, answer: str) -> int:
        """Where an answer ends the string around the cursor that does not go on behind it; 0 where it does not."""
        if self.start.region is None or self.start.region == self.region:
            return 0
        return next((state.at for state in self.walk(answer) if state.region is None and state.at), 0)

    def lacking(self, answer: str) -> str:
        """Of the brackets that are missing those that an answer does not open either, the outermost first."""
        return self._met(answer, self._end(answer))[1]

    def _met(self, answer: str, end: State) -> tuple[list[Bracket], str]:
        """Of what is open at the `end` of an answer what nothing closes, and what is missing there still."""
        inner = max(self.owed, self.closed(answer))
        own, lacking = list(end.open[len(self.start.open) - inner :]), ""
        for char in reversed(self.missing):
            if own and own[-1].char == char:
                own.pop()
            else:
                lacking = char + lacking
        return own, lacking

    @property
    def opens_by_colon(self) -> bool:
        """Whether a colon opens the blocks of the language."""
        known = language_named(self.language)
        return known is not None and known.opens_block == (":",)

    @property
    def opens_by_brace(self) -> bool:
        """Whether a brace opens the blocks of the language."""
        known = language_named(self.language)
        return known is not None and known.opens_block == ("{",)

    def short_closing(self, answer: str) -> str:
        """What closes the brackets at the end of an answer that are no blocks and that nothing behind it closes."""
        end = self._end(answer)
        inner = end.open[max(0, len(self.start.open) - self.free) :]
        tail = takewhile(lambda bracket: bracket.char in SHORT, reversed(inner))
        return "" if end.region is not None else "".join(CLOSERS[bracket.char] for bracket in tail)

    def may_have_body(self, answer: str) -> bool:
        """Whether a block may follow an answer where none does yet: no mark ends its statement."""
        is_over = answer.rstrip().endswith((";", "{", "}", ",")) and not self.opens_by_colon
        return not (is_over or self.has_body or self._end(answer).region)

    @property
    def body_brace(self) -> str:
        """The brace that is to open the deeper lines behind the cursor, where a brace opens them."""
        return "{" if self.opens_by_brace and self.has_body else ""

    @property
    def closing_words(self) -> tuple[str, ...]:
        """The words that end blocks in the language."""
        known = language_named(self.language)
        if known is None or self.opens_by_colon:
            return ()
        return tuple(word for body in known.empty_blocks if (word := body.rpartition("\n")[2]).isalpha())

    @property
    def is_inside_text(self) -> bool:
        """Whether the cursor stands in a string or a comment that goes on behind it."""
        return self.start.region is not None and self.start.region == self.region

    @property
    def is_to_open(self) -> bool:
        """Whether what follows needs something to be opened at the cursor."""
        return self.has_body or bool(self.missing)

    def goes_on(self, answer: str) -> bool:
        """Whether an answer ends in a bracket of its own that is no block and that nothing behind the cursor closes."""
        if self.is_to_open:
            return False
        end = self._end(answer)
        own = end.open[len(self.start.open) :]
        return end.region is None and bool(own) and own[-1].char in SHORT

    def closed(self, answer: str) -> int:
        """How many of the brackets that are open at the cursor an answer closes."""
        least = min((len(state.open) for state in self.walk(answer)), default=len(self.start.open))
        return max(0, len(self.start.open) - least)

    @property
    def is_to_close(self) -> bool:
        """Whether the cursor's line, nothing but indented, is as deep as the one that opens the bracket around it."""
        is_inside = self.is_dedented and self.start.region is None and bool(self.start.open)
        return is_inside and self.free > 0 and self.start.open[-1].indent == self.indent

    @property
    def comment_end(self) -> str:
        """What ends the comment around the cursor, where nothing behind it does."""
        region = self.start.region
        return region.closing if region is not None and region.is_comment and self.region is None else ""

    @property
    def innermost_closing(self) -> str:
        """What closes the innermost open bracket, and those of its line that nothing closes either."""
        inner = self.start.open[-max(1, self.free) :]
        return closers_of([bracket for bracket in inner if bracket.indent == inner[-1].indent] if inner else ())

    def ends_elsewhere(self, answer: str) -> bool:
        """Whether an answer ends outside the string that goes on behind the cursor, or inside one of its own."""
        return not self._is_at_home(self._end(answer).region)

    def before_open(self, answer: str) -> str:
        """The start of an answer up to where the first string or bracket begins that it leaves open."""
        cut, floor = 0, len(self.start.open)
        was_whole = self._is_at_home(self.start.region)
        for state in self.walk(answer):
            is_whole = self._is_at_home(state.region) and (self.has_body or len(state.open) <= floor)
            if is_whole or was_whole:
                cut = state.at if is_whole else state.begin
            was_whole = is_whole
        return answer[:cut]

    def _is_at_home(self, region: Region | None) -> bool:
        """Whether an answer may end in a region: where the text behind it goes on, or in a comment."""
        if region is None:
            return self.region is None or self.region.closing == "\n"
        return region == self.region or region.is_comment

    def _is_pattern(self, bracket: Bracket) -> bool:
        """Where brackets close what none has opened: the patterns of `case` in a shell."""
        return self.language == "bash" and bracket.char == ")"


def _continued(region: Region | None, right: str, language: str, *, is_cut: bool) -> Region | None:
    """In which region the text behind the cursor goes on, judging by whether its strings then come in pairs."""
    line = right.partition("\n")[0] + "\n"
    short = [own for own in regions(language) if _is_short(own)]
    for choice in [region, None] if region is not None else [None, *short]:
        if choice is None or not choice.spans_lines:
            goes_on = not _is_torn(line, language, choice)
        elif choice.closing in _QUOTES:
            goes_on = choice.closing in line or (line == "\n" and _closes_first(right, choice, is_cut=False))
        else:
            goes_on = _closes_first(right, choice, is_cut=is_cut)
        if goes_on:
            return choice
    return region


def _closes_first(right: str, region: Region, *, is_cut: bool) -> bool:
    """Whether what comes next is the end of a long string or comment, and not the beginning of another.

    Where neither is in sight and the file goes on, it is the end.
    """
    if region.closing == "`" and (right.count("`") % 2 == 1 or not is_cut):
        return right.count("`") % 2 == 1
    at = right.find(region.closing)
    if at < 0 and is_cut:
        return not region.is_comment or region.opener not in right
    if region.is_comment:
        return at >= 0 and not 0 <= right.find(region.opener) < at
    line = right[right.rfind("\n", 0, at) + 1 : at].strip()
    further = right[at + len(region.closing) :].partition("\n")[0].strip()
    if region.closing in _QUOTES and at >= 0 and further.count(region.closing) % 2 == 1:
        # They come in pairs there.
        return False
    above = right[:at].rstrip()[-1:] if not line else line[-1]
    begins = (not line and further[:1] not in tuple(")]},;.") and further != "") or above in tuple("(=:+[")
    return at >= 0 and not begins


def _is_short(region: Region) -> bool:
    return not region.spans_lines and not region.is_comment and region.opening.endswith(region.closing)


def _is_torn(line: str, language: str, region: Region | None) -> bool:
    return any(state.is_torn for state in walk(line, language, State(0, region)))
