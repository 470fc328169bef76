"""Where strings, comments and brackets begin and end: as much of each language as an answer must fit into.

A grammar says it better where the text is whole. Around a cursor it is not, and what a parser makes of an open quote
is anybody's guess; this walk from left to right has one answer to every text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from repocomp.languages.table import language as language_named

PAIRS = {")": "(", "]": "[", "}": "{"}
CLOSERS = {opening: closing for closing, opening in PAIRS.items()}

_LONG_WALK = 1 << 16
"""Characters that take some seven milliseconds."""
_BLANKS = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Region:
    """A string or comment: a pattern that opens it, and the text that closes it (a line end closes any but these).

    What the group of the opening holds, if it has one, stands for "{}" in the closing. Inside of a `unit`, which is a
    pattern, nothing is closed. One that `begins_below` leaves the rest of its first line to the code.
    """

    opening: str
    closing: str = "\n"
    spans_lines: bool = False
    has_escapes: bool = True
    is_comment: bool = False
    begins_below: bool = False
    unit: str = ""

    @property
    def opener(self) -> str:
        """The text that opens a comment of several lines."""
        return self.opening.replace("\\", "")


@dataclass(frozen=True, slots=True)
class Bracket:
    """One that is open, and the indentation of its line."""

    char: str
    indent: int


@dataclass(frozen=True, slots=True)
class State:
    """The place between two characters: the region it is in, and the brackets that are open, the innermost last.

    `begin` is where the bracket or quote before it begins. `closed` is a bracket that was just closed without one open
    here, `is_torn` whether a string just ended at a line end, unclosed.
    """

    at: int = 0
    region: Region | None = None
    open: tuple[Bracket, ...] = ()
    closed: Bracket | None = None
    is_torn: bool = False
    begin: int = 0


_Step = tuple[int, int, Region | None, list[Bracket], Bracket | None, bool]


def _quoted(quote: str, *, spans_lines: bool = False, has_escapes: bool = True, unit: str = "") -> Region:
    return Region(re.escape(quote), quote, spans_lines, has_escapes, unit=unit)


def _line_comment(opening: str) -> Region:
    return Region(opening, has_escapes=False, is_comment=True)


def _here(mark: str, closing: str) -> Region:
    """A text that begins on the next line, behind the `mark` of a name that ends it."""
    return Region(rf"{mark}['\"]?([A-Z_]\w*)['\"]?(?=[^\n]*\n)", closing, True, has_escapes=False, begins_below=True)


_DOUBLE, _SINGLE = _quoted('"'), _quoted("'")
_SLASHES = _line_comment("//")
_HASH = _line_comment("#")
_BLOCK = Region(r"/\*", "*/", spans_lines=True, has_escapes=False, is_comment=True)
_LONG_DOUBLE, _LONG_SINGLE = (_quoted(3 * quote, spans_lines=True) for quote in "\"'")
_IN_BRACES = r"[^{}\n]{0,200}\}"
_TEMPLATE = _quoted("`", spans_lines=True, unit=rf"\$\{{{_IN_BRACES}")
_DOUBLE_TEMPLATE = _quoted('"', unit=rf"\$\{{{_IN_BRACES}")
_RAW = _quoted("`", spans_lines=True, has_escapes=False)
_CLASS = r"\[(?:\\.|[^\]\n\\]){0,200}\]"
_EXPRESSION = Region(r"(?<=[=(,:\[!&|?{};])\s?/(?![/*\s])(?=(?:\\.|\[[^\]\n]*\]|[^/\n\\])+/)", "/", unit=_CLASS)
_CHARACTER = Region(r"'(?=(?:\\[^\n]{1,8}?|[^'\\\n])')", "'")
_APOSTROPHE = Region(r"(?<![A-Za-z](?='[A-Za-z]))'", "'")
"""One that is none between letters: text of JSX, and what stands beside code."""
_SCRIPT = (_BLOCK, _SLASHES, _DOUBLE, _APOSTROPHE, _TEMPLATE, _EXPRESSION)
_NO_WORD = r"(?<![\w)\]}])"

_REGIONS: dict[str, tuple[Region, ...]] = {
    "python": (_LONG_DOUBLE, _LONG_SINGLE, _DOUBLE, _SINGLE, _HASH),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "java": (_BLOCK, _SLASHES, _LONG_DOUBLE, _DOUBLE, _SINGLE),
    "go": (_BLOCK, _SLASHES, _DOUBLE, _SINGLE, _RAW),
    "rust": (
        _BLOCK,
        _SLASHES,
        Region(r'\bb?r(#*)"', '"{}', spans_lines=True, has_escapes=False),
        _quoted('"', spans_lines=True),
        _CHARACTER,
    ),
    "c": (_BLOCK, _SLASHES, _DOUBLE, _CHARACTER),
    "cpp": (
        _BLOCK,
        _SLASHES,
        Region(r'\bR"(\w{0,16})\(', '){}"', spans_lines=True, has_escapes=False),
        _DOUBLE,
        _CHARACTER,
    ),
    "c_sharp": (
        _BLOCK,
        _SLASHES,
        _LONG_DOUBLE,
        Region(r'@\$?"', '"', spans_lines=True, has_escapes=False),
        _DOUBLE,
        _CHARACTER,
    ),
    "kotlin": (_BLOCK, _SLASHES, _LONG_DOUBLE, _DOUBLE_TEMPLATE, _CHARACTER),
    "scala": (_BLOCK, _SLASHES, _LONG_DOUBLE, _DOUBLE, _CHARACTER),
    "ruby": (
        _here("<<[-~]", "{}"),
        _here("<<", "\n{}"),
        _quoted('"', unit=rf"#\{{{_IN_BRACES}"),
        _SINGLE,
        Region(r"(?:(?<=[=(,~\[!&|?{;])\s?|(?<=\w)\s)/(?![*\s=])(?=(?:\\.|[^/\n\\])+/)", "/", unit=_CLASS),
        _HASH,
    ),
    "php": (
        _BLOCK,
        _SLASHES,
        _line_comment(r"#(?!\[)"),
        _here("<<<", "{}"),
        _quoted('"', spans_lines=True),
        Region(_APOSTROPHE.opening, "'", spans_lines=True),
    ),
    "bash": (
        _here("(?<!<)<<-", "{}"),
        _here(r"(?<!<)<<\s?\\?", "\n{}"),
        _quoted('"', spans_lines=True, unit=r"\$\([^()\n]{0,200}\)"),
        _quoted("'", spans_lines=True, has_escapes=False),
        _line_comment(r"(?<![^\s;(])#"),
    ),
    "yaml": (_line_comment(r"(?<!\S)#"), Region(rf'{_NO_WORD}"', '"'), Region(rf"{_NO_WORD}'", "'")),
}
"""By language; the first that matches counts. A language that is not here has what its facts say."""


@cache
def regions(language: str) -> tuple[Region, ...]:
    """The strings and comments of a language; a file of none is prose, whose brackets and quotes pair with nothing."""
    known = language_named(language)
    if language in _REGIONS or known is None:
        return _REGIONS.get(language, ())
    comments = [_line_comment(re.escape(known.line_comment))]
    if known.block_comment is not None:
        opening, closing = known.block_comment
        comments.insert(0, Region(re.escape(opening), closing, spans_lines=True, has_escapes=False, is_comment=True))
    return (*comments, *(_quoted(quote, spans_lines=len(quote) > 1) for quote in known.strings))


def walk(text: str, language: str, start: State = State(), indent: int = 0) -> Iterator[State]:
    """The states of `text` after each change, and at its end; `start` is where it begins, on a line so indented."""
    for begin, at, region, open_, closed, is_torn in _steps(text, language, start, indent):
        yield State(at, region, tuple(open_), closed, is_torn, begin)


def end_of(text: str, language: str, start: State = State(), indent: int = 0) -> State:
    """The state at the end of `text`."""
    region, open_ = start.region, list(start.open)
    for _, _, region, open_, _, _ in _steps(text, language, start, indent):  # noqa: B007
        pass
    return State(len(text), region, tuple(open_))


def closers_of(brackets: Sequence[Bracket]) -> str:
    """What closes open brackets, the innermost last among them."""
    return "".join(CLOSERS[bracket.char] for bracket in reversed(brackets))


def region_after(text: str, language: str) -> Region | None:
    """The long string or comment that is open at the end of `text`, which may be a whole file.

    Counting tells that there is none; a file is walked through where one seems to be open, unless it is large.
    """
    for region in regions(language):
        if region.is_comment:
            is_open = region.spans_lines and text.rfind(region.opener) > text.rfind(region.closing)
        else:
            is_open = _stands_alone(region) and text.count(region.closing) % 2 == 1
        if is_open and len(text) > _LONG_WALK:
            return region
        if is_open:
            found = end_of(text, language).region
            return found if found is not None and found.spans_lines else None
    return None


def _stands_alone(region: Region) -> bool:
    """Whether its quotes stand for nothing else, so that counting them says where a string is open."""
    return region.spans_lines and (region.closing == "`" or region.closing in ('"""', "'''"))


def _steps(text: str, language: str, start: State, indent: int) -> Iterator[_Step]:
    opener, kinds = _openers(language)
    at, region, open_ = 0, start.region, list(start.open)
    # A statement is as deep as its first line, wherever a bracket of it stands.
    line, depth = 0, indent
    while at < len(text):
        if region is not None:
            begin, at, is_torn = _leave(text, at, region)
            region = region if begin == len(text) else None
            yield begin, at, region, open_, None, is_torn
            continue
        match = opener.search(text, at)
        if match is None:
            break
        at, kind, closed = match.end(), str(match.lastgroup), None
        if (begin := text.rfind("\n", line, at) + 1) > line:
            line, depth = begin, len(_BLANKS.match(text, begin)[0])  # type: ignore[index]
        if kind == "opening":
            open_.append(Bracket(match[0], depth))
        elif kind != "closing":
            region = kinds[int(kind[1:])]
            if "{}" in region.closing:
                region, at = _tagged(text, match.start(), region, open_)
        elif open_ and open_[-1].char == PAIRS[match[0]]:
            depth = open_.pop().indent
        else:
            closed = Bracket(match[0], depth)
        yield match.start(), at, region, open_, closed, False
    yield len(text), len(text), region, open_, None, False


def _leave(text: str, at: int, region: Region) -> tuple[int, int, bool]:
    """Where the end of a region begins and ends, and whether it is a string that the end of its line has cut off."""
    end = _body(region).match(text, at).end()  # type: ignore[union-attr]
    if region.closing == "\n" or end == len(text):
        # A line comment leaves its line end to the code.
        return end, end, False
    if text.startswith(region.closing, end):
        return end, end + len(region.closing), False
    return end, end, True


def _tagged(text: str, begin: int, region: Region, open_: list[Bracket]) -> tuple[Region, int]:
    """A region with the end that its beginning names, and where its text begins.

    What is closed on the rest of the first line, behind one that begins below, is taken from `open_`.
    """
    match = re.compile(region.opening).match(text, begin)
    assert match is not None
    end = text.find("\n", match.end()) if region.begins_below else match.end()
    for char in text[match.end() : end]:
        if open_ and open_[-1].char == PAIRS.get(char):
            open_.pop()
    return replace(region, closing=region.closing.format(match[1])), end


@cache
def _openers(language: str) -> tuple[re.Pattern[str], tuple[Region, ...]]:
    kinds = regions(language)
    groups = [f"(?P<r{at}>{region.opening})" for at, region in enumerate(kinds)]
    brackets = [r"(?P<opening>[(\[{])", r"(?P<closing>[)\]}])"] if kinds else [r"(?!)"]
    return re.compile("|".join([*groups, *brackets])), kinds


@lru_cache(maxsize=256)
def _body(region: Region) -> re.Pattern[str]:
    """What stands between the ends of a region."""
    first, rest = re.escape(region.closing[0]), re.escape(region.closing[1:])
    stops = first + ("" if region.spans_lines else "\\n") + (r"\\" if region.has_escapes else "")
    unit = re.escape(region.unit.removeprefix("\\")[:1])
    parts = [f"[^{stops}{unit}]++", *((region.unit, unit) if unit else ())]
    if rest:
        parts.append(f"{first}(?!{rest})")
    if region.has_escapes:
        parts.append(r"\\(?:.|\Z)")
    return re.compile(f"(?:{'|'.join(parts)})*+", re.S)
