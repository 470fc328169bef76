"""Which contents are worth indexing, and which lines of them: files and lines that nobody wrote are left out.

A file is left out where nothing else is in it: a bundle, a table of numbers, what a generator wrote. One long line of
base64 amid code is left out alone, and so the lines around it keep their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from repocomp.languages.formats import format_of, shown
from repocomp.secrets.names import is_key_file

_HEAD_BYTES = 1024
_BLANK_LINES = re.compile(r"\n{2,}")
_COMMENT = re.compile(r"\s*(?://+!?|#+!?|/\*+!?|\*+|--+|;+|<!--|%+|\"{3}|'{3}|rem\b|dnl\b)\s?", re.IGNORECASE)
_PRELUDE = re.compile(r"\s*(?:$|#!|<\?|package\b|syntax\b|['\"]use strict|\*/|-->|\"{3}$)")
"""Lines that may stand above the header of a file, or close it."""
_MARKED = re.compile(
    r"\W{0,8}(?:note\W{1,3})?(?:(?:this|the)\s+(?:\w+\s+){0,3}(?:is|was|has been|were)\s+)?"
    r"(?:@generated\b|auto-?\s?(?:matically\s+)?generated\s+(?:(?:by|from|code|on|using)\b|file[^\w.])|automatically\s+generated\b"
    r"|(?:code|file|sources?)?\s*generated\s+(?:by|from|with|using)\b)"
    r"|.{0,200}?(?:^|[.;:!*,-]\s{0,4}|\s{2})\W{0,8}(?:please\s+)?do\s+not\s+(?:edit|modify)"
    r"(?:\s+(?:(?:this|the)\s+(?:file|class|code|module)|manually|by\s+hand|directly|it)){0,2}\s{0,4}(?:[.!;:*-]|$)",
    re.IGNORECASE,
)
_BEGUN = re.compile(
    r"\{\{|\{%|<%|\$\{|\b(?:django|cookiecutter|copier|yeoman|scaffold\w*|then\s+edited|edit\s+as|feel\s+free)\b",
    re.IGNORECASE,
)
"""What such words speak of where a person goes on from there: the template of a generator, or a file it only began."""
_DENSE_LINE, _DENSE_SPACES = 300, 0.06
"""A line of this length with a smaller share of blanks is data or was minified: code has 15 % of them."""
_LONG_LINE, _PROSE_WORDS = 3_000, 0.6
"""A line of this length is read only where so many of its words are words: a paragraph."""
_UNSPACED = "\u2e80"
"""The first character of the scripts of East Asia."""
_PUNCTUATION = ".,;:!?()\"'`*_-"
_NUMBERS_LINE, _NUMBERS_SHARE = 20, 0.5
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FEWEST_LINES = 3
"""Lines of code without which what else a file holds decides."""
_MIN_JUDGED, _MIN_ALNUM = 200, 0.25
_ALNUM_LINE = re.compile(r"[^\W_]")


def unfit(data: bytes, path: str = "") -> str | None:
    """Why the content of a file at `path` is not worth indexing, or must not be; None when it is."""
    if reason := format_of(path).left_out:
        return reason
    if b"\0" in data[:8192]:
        return "binary"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "encoding"
    if is_key_file(text):
        return "secret"
    if _is_generated(text[:_HEAD_BYTES]):
        return "generated"
    code = shown(path, text)
    # Lines that are not shown say nothing about those that are.
    return "minified" if _is_minified(text if code is text else _BLANK_LINES.sub("\n", code)) else None


def without_data(text: str) -> str:
    """`text` with the lines emptied that hold data and not code; the number of lines stays."""
    lines = text.split("\n")
    if max(map(len, lines)) < _DENSE_LINE:
        return text
    return "\n".join("" if _is_data(line) else line for line in lines)


def _is_data(line: str) -> bool:
    if len(line) < _DENSE_LINE or _is_unspaced(line):
        return False
    if len(line) > _LONG_LINE:
        words = line.split()
        return sum(word.strip(_PUNCTUATION).isalpha() for word in words) < _PROSE_WORDS * len(words)
    return line.strip().count(" ") < _DENSE_SPACES * len(line)


def _is_unspaced(line: str) -> bool:
    """Whether a line is prose in a script that puts no blanks between words."""
    return not line.isascii() and sum(_UNSPACED <= char for char in line) > len(line) / 2


def _is_generated(head: str) -> bool:
    """Whether the header says so: a comment above the code that begins with the words generators write.

    Text that speaks of such words, a generator's own templates and notes, says them elsewhere.
    """
    for line in head.split("\n"):
        comment = _COMMENT.match(line)
        if comment is None:
            if not _PRELUDE.match(line):
                return False
        elif (marked := _MARKED.match(line[comment.end() :].rstrip("*/-> \r"))) and not _BEGUN.search(marked.string):
            return True
    return False


def _is_minified(text: str) -> bool:
    lines = text.split("\n")
    kept = [line for line in lines if not _is_data(line) and not _is_numbers(line)]
    if len(kept) < len(lines) and sum(map(_is_code, kept)) < _FEWEST_LINES:
        return True
    return _is_drawing(kept)


def _is_numbers(line: str) -> bool:
    """Whether a line is a row of a table of numbers."""
    if len(line) < _NUMBERS_LINE:
        return False
    if "0x" in line:
        line = _HEXADECIMAL.sub(lambda match: "0" * len(match[0]), line)
    return sum(map(str.isdigit, line)) > _NUMBERS_SHARE * len(line.replace(" ", ""))


def _is_code(line: str) -> bool:
    return _ALNUM_LINE.search(line) is not None and _COMMENT.match(line) is None


def _is_drawing(lines: Sequence[str]) -> bool:
    """Whether signs outweigh letters in all that is left; rulers and frames do not count."""
    sample = "".join(line for line in lines if _ALNUM_LINE.search(line))[:20_000]
    visible = "".join(sample.split())
    return len(sample) >= _MIN_JUDGED and sum(map(str.isalnum, visible)) < _MIN_ALNUM * len(visible)
