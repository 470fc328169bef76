"""Reading imports from lines by patterns: their shapes are few, and a half-typed import must not be lost.

Patterns are given as text and compiled when they are first used, so that a table of languages costs little to load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from repocomp.languages.language import Import

_ALIAS = r"([\w*$]+)(?:\s+(?:as\s+|:\s*)|\s*:\s*)([\w$]+)|([\w*$]+)"


def matches(pattern: str, text: str) -> Iterator[re.Match[str]]:
    """Every match, `^` and `$` standing for the ends of lines."""
    return re.finditer(pattern, text, re.M)


def names(listed: str) -> Iterator[tuple[str, str]]:
    """(name, alias) of a list such as `a, b as c` or `{ a, b: c }`."""
    for match in matches(_ALIAS, listed):
        yield (match[1], match[2]) if match[1] else (match[3], match[3])


def whole_modules(
    pattern: str, separator: str, *, module: int = 1, alias: int | None = None
) -> Callable[[str], Iterator[Import]]:
    """A reader of imports that bring in a whole module, known by its last part unless renamed.

    `module` and `alias` are groups of `pattern`.
    """

    def read(text: str) -> Iterator[Import]:
        for match in matches(pattern, text):
            last = match[module].rsplit(separator, 1)[-1]
            # A path may name a file: `lib/a.h` is known as `a`.
            known_as = last.split(".")[0] if separator == "/" else last
            yield match[module], None, (match[alias] if alias is not None else None) or known_as

    return read
