"""A parameter list that an answer copies to the place of a call, made into arguments: names in order, and no more.

A function that nobody calls yet is seen by the model at its definition alone.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from repocomp.complete.finish.parameters import ARGUMENTS, NAMED, SIGNATURES, arguments, split_list

# From the start of a word, which is taken whole, and of bounded type arguments: long lines take no time by the square.
_CALL = re.compile(r"(?<![\w$])([^\W\d][\w$]*+[!?]?)(?:::<[^()]{0,200}>)?\(")
_WORDS = (
    r"(?!(?:return|new|await|else|throw|case|yield|delete|goto|in|and|or|not|if|while|for|def|func|fun|fn|function)\b)"
)
_NO_CALLS = frozenset("def func fun fn function if while for switch match catch return and or not in new".split())
"""Words with a bracket behind them that call nothing."""
_KEYWORD = r"\b(?:def|func|fun|fn|function)\b\*?\s*(?:\([^()\n]*\)\s*)?(?:self\.)?"
_TYPES = rf"(?:{_WORDS}[\w:<>\[\].,?@]+[&*]*[ \t]+[&*]*)"
_DEFINES = re.compile(rf"(?:{_KEYWORD}|^\s*{_TYPES}+)$")
_GENERIC = r"\s*(?:<[^()\n]*>|\[[^()\n]*\])?"
_DEFINITION = (
    rf"(?:{_KEYWORD}|#[ \t]*define[ \t]+){{name}}{_GENERIC}\((?P<keyword>)"
    rf"|\b(?:const|let|var)\s+{{name}}\s*(?::[^=\n]+)?=\s*(?:async\s*)?\((?P<arrow>)"
    rf"|^[ \t]*(?:case (?=class\b))?(?P<typed>{_TYPES})*{{name}}{_GENERIC}\("
)
_HAS_HEADS = frozenset({"c_sharp", "java", "kotlin", "scala"})
"""Languages whose classes may have parameters."""
_MOST_CALLS = 50
"""The innermost calls of a line that are looked at: each takes a look at all sources."""
_FEWEST_NAMED = 3
"""Calls that show how a repository gives arguments."""
_BODY = re.compile(r"\)[^;(){}\n=]*(?:\n\s*)?\{")
_TAIL = re.compile(r"\s*(?:[:{(*\[<&]|->|=>|\w)")


@dataclass(frozen=True, slots=True)
class Calls:
    """`before` is the cursor's line up to it; `sources` are the texts that may define what is called there."""

    language: str
    before: str
    sources: Sequence[str]

    def fit(self, text: str) -> str:
        """The line `text` with parameters made into arguments; nothing is kept behind them."""
        if self.language not in ARGUMENTS:
            return text
        line = self.before + text
        for name, start in _open_calls(line, len(self.before)):
            if _DEFINES.search(line[: start - len(name) - 1]):
                continue
            for parameters in self._definitions(name):
                by_name = self.language in NAMED and calls_by_name(self.sources, self.language)
                fitted = _Site(self.language, line, start, len(self.before), by_name).call(parameters)
                if fitted is not None:
                    return fitted
        return text

    def _definitions(self, name: str) -> Iterator[list[str]]:
        """The parameter lists of every definition of `name`."""
        pattern = re.compile(_DEFINITION.format(name=re.escape(name)), re.M)
        for source in self.sources:
            for match in pattern.finditer(source) if name in source else ():
                parameters, end = split_list(source, match.end())
                is_sure = match.lastgroup not in (None, "typed") or self._is_class(match)
                if is_sure or _BODY.match(source, end) or self._is_signature(match, source, parameters, end):
                    yield parameters

    def _is_class(self, match: re.Match[str]) -> bool:
        """Whether a class states the parameters by which it is made."""
        return self.language in _HAS_HEADS and (match["typed"] or "").strip() in ("class", "record")

    def _is_signature(self, match: re.Match[str], source: str, parameters: list[str], end: int) -> bool:
        """Whether what ends in the `source` at `end` declares a function, as headers and interfaces do; no call does.

        Where types stand first, that takes one in front, and all parameters must have names.
        """
        ending, parameter = SIGNATURES.get(self.language, (None, None))
        if ending is None or parameter is None or not parameters or ending.match(source, end) is None:
            return False
        is_typed = match.lastgroup == "typed" or self.language in ("go", "typescript", "tsx")
        has_names = all(ARGUMENTS[self.language](part) or "=" in part or "?" in part for part in parameters)
        return is_typed and has_names and parameter.search(parameters[-1].partition("=")[0]) is not None


@dataclass(frozen=True, slots=True)
class _Site:
    """A call in a line whose arguments begin at `start`; an answer has been put at the `cursor`.

    `by_name` says that the repository gives its arguments by name.
    """

    language: str
    line: str
    start: int
    cursor: int
    by_name: bool

    def call(self, parameters: list[str]) -> str | None:
        """The answer with arguments in place of `parameters`; None where it does not spell them."""
        behind = max(self.start, self.cursor)
        typed = split_list(self.line[: self.cursor], self.start)[0] if self.start < self.cursor else []
        partial = ""
        if self.line[self.start : self.cursor].endswith(" ") and not self.line[: self.cursor].rstrip().endswith(
            (",", "(")
        ):
            # A name with a blank behind it is a parameter.
            return None
        if typed and not self.line[: self.cursor].rstrip().endswith(","):
            partial = typed.pop().strip()
        has_receiver = bool(parameters) and parameters[0].strip().lstrip("&").split()[-1:] in (["self"], ["cls"])
        for shift in range(1 + has_receiver):
            wanted = [part.strip() for part in parameters[shift + len(typed) :]]
            count, end = _spelled(partial + self.line[behind:], wanted)
            if count:
                return self._rewritten(wanted, count, partial, end + behind - len(partial))
        return None

    def _rewritten(self, wanted: list[str], count: int, partial: str, end: int) -> str | None:
        """Nothing that says no more than names is touched, unless it goes on as a definition does."""
        argument = ARGUMENTS[self.language]
        behind, rest = max(self.start, self.cursor), self.line[end:].lstrip(" ,")
        is_tail = count == len(wanted) and rest.startswith(")") and _TAIL.match(rest, 1) is not None
        call = ", ".join(arguments(wanted, self.language, by_name=self.by_name))
        says_names = all(argument(part) == part for part in wanted[:count])
        if (
            (says_names and not is_tail and not (self.by_name and count == len(wanted) > 1))
            or not call.startswith(partial)
            or not call
        ):
            return None
        blank = self.line[behind:][: len(self.line[behind:]) - len(self.line[behind:].lstrip())] if not partial else ""
        return self.line[self.cursor : behind] + blank + call[len(partial) :] + ")" * rest.startswith(")")


def calls_by_name(sources: Sequence[str], language: str) -> bool:
    """Whether most calls with several arguments give them by name: all, or all but the first."""
    named = positional = 0
    separator = NAMED[language].format("", "").strip()[0]
    is_named = re.compile(rf"\s*\$?\w+\s*{separator}(?![=:])")
    for source in sources:
        for match in islice(_CALL.finditer(source), _MOST_CALLS):
            if match[1] in _NO_CALLS or _DEFINES.search(source[max(0, match.start() - 80) : match.start()]):
                continue
            given, _ = split_list(source[: match.end() + 400], match.end())
            if len(given) > 1:
                is_by_name = all(is_named.match(part) for part in given[1:])
                named, positional = named + is_by_name, positional + (not is_by_name)
    return named >= _FEWEST_NAMED and named > positional


def _open_calls(line: str, cursor: int) -> Iterator[tuple[str, int]]:
    """The calls that the cursor stands in or that begin behind it: name, and where the arguments begin."""
    for match in deque(_CALL.finditer(line), maxlen=_MOST_CALLS):
        if match.end() > cursor or split_list(line[:cursor], match.end())[1] == cursor:
            if match[1] not in _NO_CALLS:
                yield match[1], match.end()


def _spelled(text: str, wanted: Sequence[str]) -> tuple[int, int]:
    """How many of the `wanted` parameters `text` spells before its list ends, and where; blanks do not count."""
    at, count, end = 0, 0, 0
    for number, part in enumerate(wanted):
        for char in "".join((("," if number else "") + part).split()):
            while text[at : at + 1].isspace():
                at += 1
            if text[at : at + 1] != char:
                is_cut = at >= len(text.rstrip())
                return (count, end) if is_cut or text[end:].lstrip(" ,")[:1] == ")" else (0, 0)
            at += 1
        count, end = number + 1, at
    return (count, end) if text[end:].lstrip(" ,")[:1] in ("", ")") else (0, 0)
