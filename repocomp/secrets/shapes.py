"""What random text looks like: entropy, and how badly the letter pairs of identifiers explain it."""

from __future__ import annotations

import json
import math
import re
import string
from collections import Counter
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from typing import Any, cast

Span = tuple[int, int]
"""A half-open range of characters."""

_HEX = frozenset(string.hexdigits)
_TEN = math.log2(10)
_MOST = 200
"""Characters of a value that are looked at."""


class Lazy:
    """A pattern that is compiled when something first asks for a part of it: most runs use few of them or none."""

    def __init__(self, source: str, flags: int) -> None:
        self.source = source
        self.compiled_flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever a pattern has)
        found = getattr(re.compile(self.source, self.compiled_flags), name)
        setattr(self, name, found)
        return found


def lazy(source: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, later."""
    return cast("re.Pattern[str]", Lazy(source, flags))


def data(name: str) -> object:
    """A data file of this package, parsed."""
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits per character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


@lru_cache(maxsize=4096)
def surprise(value: str) -> float:
    """How much better chance explains `value` than the letter pairs of 200,000 identifiers do, in bits.

    Chance draws uniformly from the alphabet that the value uses. Identifiers and words lie below 5, a random string of
    16 characters above it 99 times in 100. Digits count as one letter, and so do all other characters.
    """
    bits, classes = _model()
    letters = value[:_MOST].translate(classes)
    chance = (len(letters) - 1) * math.log2(_alphabet_size(value[:_MOST])) - letters.count("0", 1) * _TEN
    return sum(map(bits.__getitem__, zip(letters, letters[1:], strict=False))) - chance


def _alphabet_size(value: str) -> int:
    if _HEX.issuperset(value.replace("-", "")):
        return 16
    has_digit = any(map(str.isdigit, value))
    return max(
        2, 26 * (value != value.upper()) + 26 * (value != value.lower()) + 10 * has_digit + (not value.isalnum())
    )


class _Classes(dict[int, str]):
    """For `str.translate`: letters are themselves, digits `0`, all else `_`."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = found = char if char in string.ascii_letters else "0" if char.isdigit() else "_"
        return found


@cache
def _model() -> tuple[dict[tuple[str, str], float], _Classes]:
    """The bits of each letter after each other one, and what letter a character counts as."""
    table = data("bigrams.json")
    assert isinstance(table, dict)
    letters, rows = table["alphabet"], table["fifth_bits"]
    pairs = zip(product(letters, letters), "".join(rows), strict=True)
    return {pair: (ord(char) - ord("0")) / 5 for pair, char in pairs}, _Classes()
