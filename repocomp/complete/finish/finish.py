"""Where a completion ends and what of it is inserted: one place for every language, table-driven, and none for prose.

An answer is made to fit from left to right: its lines are indented as the file is; it ends where its statement or
block does; it closes nothing that is closed behind the cursor, says nothing that stands there, and leaves nothing
open. What then may still be cut in several ways is cut as the grammar likes best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from repocomp.complete.finish import lines
from repocomp.complete.finish.calls import Calls
from repocomp.complete.finish.indentation import Indentation
from repocomp.complete.finish.needs import Needs
from repocomp.complete.finish.reach import reachable
from repocomp.complete.finish.surroundings import Surroundings, goes_in, indent_of
from repocomp.complete.finish.syntax import Syntax
from repocomp.request import Filter, Mode
from repocomp.secrets.redaction import REDACTED

StopReason = Literal["line", "block", "suffix"]

_SHORT = ("(", "[")
_MOST_LINES = 8
"""Of one statement."""
_MOST_SHORTER = 3
"""Shorter blocks that are tried where one harms the file."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The rules for one cursor. Pure functions of text; the same text gives the same answer."""

    mode: Mode
    around: Surroundings
    needs: Needs
    indentation: Indentation
    calls: Calls
    syntax: Syntax

    @classmethod
    def of(
        cls,
        left: str,
        right: str,
        language: str,
        mode: Mode | None = None,
        *,
        above: str = "",
        below: str = "",
        is_cut: bool = False,
        sources: Sequence[str] = (),
    ) -> Finish:
        """For the cursor between `left` and `right`, by default in the mode that they suggest.

        `above` is the text before `left` and `below` that behind `right`, `is_cut` says that the file goes on there,
        `sources` may define what is called here.
        """
        around = Surroundings.of(left, right)
        needs = Needs.of(left, right, language, above, is_cut=is_cut)
        return cls(
            mode or around.mode,
            around,
            needs,
            Indentation.of(left, right, language),
            Calls(language, around.before, (left, right, *sources)),
            Syntax.of(left, right, needs, around, above, below),
        )

    def stop(self, text: str) -> StopReason | None:
        """Why an answer that has come to `text` ends there; None while it may go on."""
        if self.mode == "line":
            return "line" if self._line(text) is not None else None
        text = self.indentation.fit(text)
        whole = text.rpartition("\n")[0]
        if len(lines.without_neighbours(whole, self.around)) < len(whole) or len(self.needs.fitting(text)) < len(text):
            return "suffix"
        is_over = lines.is_over(text, self.around) or len(reachable(whole, self.around, self.needs)) < len(whole)
        return "block" if is_over else None

    def settled(self, text: str) -> str:
        """The start of a text that still grows which no rule can take back, however it goes on: whole lines."""
        if self.mode == "line" or self.around.is_inside_a_line:
            return ""
        whole = self.indentation.fit(text).split("\n")[:-1]
        kept = reachable(self._begun(lines.settled(whole, self.around)), self.around, self.needs)
        kept = self._fitting(_unredacted(kept))
        return lines.after_blank(self._whole_statements(kept.rstrip()), self.around)

    def trim(self, text: str, *, is_finished: bool) -> tuple[str, tuple[Filter, ...]]:
        """What of `text` is inserted, and which rules changed it; not `is_finished` where length or time cut it off."""
        steps = _Steps(self.indentation.fit(text))
        if self.mode == "line":
            steps.text = self._line(steps.text) or lines.first_line(steps.text)
            steps.apply("call", self.calls.fit(steps.text))
            steps.apply("prefix", lines.without_prefix(steps.text, self.around))
        else:
            steps.apply("scope", lines.block(steps.text, self.around))
            steps.apply("unfinished-line", steps.text if is_finished else self._begun(lines.whole_lines(steps.text)))
        steps.apply("unreachable", reachable(steps.text, self.around, self.needs))
        steps.apply("redacted", _unredacted(steps.text))
        steps.apply("bracket", self._fitting(steps.text))
        steps.apply("neighbour", lines.without_neighbours(steps.text, self.around))
        steps.apply("repetition", lines.without_loop(steps.text))
        steps.apply("suffix-overlap", lines.without_suffix(steps.text, self.around))
        steps.apply("join", lines.joined(steps.text, self.around))
        steps.apply("syntax", lines.joined(self._balanced(steps.text), self.around))
        steps.apply("neighbour", lines.without_neighbours(steps.text, self.around))
        steps.apply("blank", steps.text if steps.text.strip() else "")
        return steps.text, tuple(steps.filters)

    def _begun(self, text: str) -> str:
        """`text` without the lines at its end that open what was cut off."""
        head, newline, last = text.rpartition("\n")
        while newline and head.strip() and goes_in(last, self.needs.language):
            text = head
            head, newline, last = text.rpartition("\n")
        return text

    def _line(self, text: str) -> str | None:
        """The line of `text`, and those that its brackets need; None where it is not at its end yet."""
        end = lines.line_end(text)
        for _ in range(_MOST_LINES):
            if end < 0 or not self.needs.goes_on(text[:end]) or self.around.is_inside_a_line:
                return text[:end] if end >= 0 else None
            end = text.find("\n", end + 1)
        return lines.first_line(text)

    def _balanced(self, text: str) -> str:
        """`text`, or what closes it, or as much of it as leaves nothing open: the first that the grammar likes best."""
        if not text.strip():
            return text
        has_lines = self.mode == "line" and not self.around.is_inside_a_line
        if has_lines and text.endswith(_SHORT) and self.needs.goes_on(text):
            # What is to stand in these brackets begins on the next line.
            return text
        closing = self._closing(text) or (self._word_closing(text) if self.mode == "block" else "")
        choices = [text + closing]
        if closing and text.endswith(";"):
            choices = [text[:-1] + closing, *choices]
        if closing or self.needs.ends_elsewhere(text):
            whole = self._whole_statements(text)
            choices = [whole, *choices] if not closing else [*choices, whole] if whole else choices
        if self.needs.torn(text) not in (None, self.needs.start.region):
            # Rather no string than one that swallows the rest.
            choices.insert(0, "" if self.mode == "line" else self._whole_statements(text))
        return self.syntax.best(
            [*choices, *self._ended(text + closing), *self._opened(text), *self._shorter(text), *self._ends()]
        )

    def _ended(self, text: str) -> Iterator[str]:
        """An answer with the mark that its last statement lacks, where braces and not line ends divide a text."""
        if self.needs.opens_by_brace and self.needs.may_have_body(text) and not self.around.is_inside_a_line:
            yield f"{text};"

    def _opened(self, text: str) -> Iterator[str]:
        """An answer with what it lacks to open what follows."""
        if "\n" in text or self.around.is_inside_a_line:
            return
        said = text.rstrip(" ;,")
        if lacking := self.needs.lacking(text) or self.needs.body_brace:
            if lacking in text:
                yield text[: text.index(lacking) + len(lacking)]
            opens_block = lacking[0] == "{"
            header = said + self.needs.short_closing(said) if opens_block else said
            yield header + (self.indentation.brace + lacking[1:] if opens_block else lacking)
        if self.needs.has_body and self.needs.opens_by_colon:
            yield said.rstrip(":") + ":"

    def _shorter(self, text: str) -> Iterator[str]:
        """Less of an answer: without its last line, without what may not follow, up to its last comma, nothing."""
        if 0 < (end := self.needs.text_end(text)) < len(text):
            yield text[:end] + self._closing(text[:end])
        head = text.rpartition("\n")[0]
        if self.mode == "block" and head.strip() and head.startswith(self._whole_statements(text)):
            yield head + self._closing(head)
            yield from self._fewer_statements(text)
        if self.needs.missing and self.mode == "line":
            yield text.rstrip(")]} \t;,")
        if text.endswith((";", ",")):
            yield text[:-1]
        if self.mode == "line" and text.endswith((":", "{")):
            yield text.rstrip(" :{")
            yield text[: text.rfind(")") + 1]
        if self.around.is_inside_a_line and "," in text:
            yield text[: text.rindex(",") + 1] + " " * (self.around.after[0] not in ")]} ")
        has_body = self.needs.has_body and not self.around.is_inside_a_line
        region = self.needs.start.region
        is_open = has_body or self.needs.missing or (region is not None and region.spans_lines)
        if not is_open:
            yield ""

    def _fewer_statements(self, text: str) -> Iterator[str]:
        """The starts of a block that end before a statement of its own level, the longest first."""
        said = text.split("\n")
        level = min((indent_of(line) for line in said[1:] if line.strip()), default=0)
        ends = [at for at in range(2, len(said)) if said[at].strip() and indent_of(said[at]) == level]
        yield from ("\n".join(said[:end]).rstrip() for end in ends[: -_MOST_SHORTER - 1 : -1])

    def _ends(self) -> Iterator[str]:
        """What the line is there for, where that is to end a block or a comment."""
        if self.needs.is_to_close:
            yield from (self.needs.innermost_closing + end for end in ("", ";", ","))
        if end := self.needs.comment_end:
            yield end[self.around.before.endswith(end[0]) :]

    def _fitting(self, text: str) -> str:
        """What closes nothing that is closed behind the cursor; of a block whole lines, where there are several."""
        kept = self.needs.fitting(text)
        head = kept.rpartition("\n")[0]
        return head.rstrip() if self.mode == "block" and len(kept) < len(text) and head.strip() else kept

    def _closing(self, text: str) -> str:
        return self.needs.closing(text, self.indentation.unit[:1] or " ", has_lines=self.mode == "block")

    def _word_closing(self, text: str) -> str:
        """The word that closes the block which `text` leaves open, where words do."""
        level = min((indent_of(line) for line in text.split("\n")[1:] if line.strip()), default=self.around.indent)
        lead = (self.indentation.unit[:1] or " ") * level
        words = (f"\n{lead}{word}" for word in self.needs.closing_words)
        return next((word for word in words if self.syntax.is_closed_by(text, word)), "")

    def _whole_statements(self, text: str) -> str:
        """The start of `text` that leaves nothing open, in a block to whole lines."""
        if not self._closing(text) and not self.needs.ends_elsewhere(text):
            return text
        kept = self.needs.before_open(text)
        return kept if self.mode == "line" or kept == text else kept[: kept.rfind("\n") + 1].rstrip()


@dataclass(slots=True)
class _Steps:
    """A text on its way through the rules."""

    text: str
    filters: list[Filter]

    def __init__(self, text: str) -> None:
        self.text, self.filters = text, []

    def apply(self, rule: str, text: str) -> None:
        """Take what a rule made of the text, and keep that it did; blanks at the ends are not worth telling."""
        if text.strip() != self.text.strip():
            self.filters.append(Filter(rule, "trimmed" if text else "dropped"))
        self.text = text


def _unredacted(text: str) -> str:
    """Up to the line that holds the placeholder of a secret."""
    at = text.find(REDACTED)
    return text if at < 0 else text[: text.rfind("\n", 0, at) + 1].rstrip()
