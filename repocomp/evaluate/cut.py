"""How published benchmarks cut an answer before they score it."""

from __future__ import annotations

import ast
import textwrap

from repocomp.evaluate.holes import Hole


def published(text: str, hole: Hole) -> str:
    """RepoEval and CrossCodeEval: as many lines as the truth has; a function body to its longest prefix that parses."""
    if hole.kind == "function":
        return longest_parseable(text)
    return first_lines(text, hole.answer.rstrip("\n").count("\n") + 1)


def first_lines(text: str, count: int) -> str:
    """The first `count` lines of `text`."""
    return "\n".join(text.split("\n")[:count])


def longest_parseable(body: str) -> str:
    """The most whole lines of a Python body that parse; all of it where no prefix does (another language)."""
    lines = body.split("\n")
    for count in range(len(lines), 0, -1):
        prefix = "\n".join(lines[:count])
        if prefix.strip() and _parses(prefix):
            return prefix
    return body


def _parses(body: str) -> bool:
    first, _, rest = body.partition("\n")
    least = min((len(line) - len(line.lstrip()) for line in rest.split("\n") if line.strip()), default=0)
    # The cursor stood behind the indentation of the first line: as deep as the rest, or the opening of a block less.
    return any(_is_python(f"{' ' * depth}{first}\n{rest}") for depth in range(least + 1))


def _is_python(body: str) -> bool:
    try:
        ast.parse("def _():\n" + textwrap.indent(textwrap.dedent(body), " "))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
