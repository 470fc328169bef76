"""Secrets known by the shape that a service gave them: gitleaks' rules and ours, run where a token stands.

A rule is a pattern, one group of which is the secret, and keywords without which it need not be tried. Patterns repeat
nothing without a bound and run over a window around a long token, so the time grows with the text and not faster.
`gitleaks.json` is gitleaks' configuration in Python's syntax (MIT, see `gitleaks.LICENSE`); `services.json` is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from repocomp.secrets.shapes import Span, data, entropy, lazy, surprise

_TOKEN = lazy(r"[\w+/=~%|-]{12,}+", re.ASCII)
_WORDY = lazy(r"[_/=~%|:+-]*+(?:(?:[A-Za-z]++\d{0,2}|\d{1,9}+)(?:[_/=~%|:+-]++|$))*+")
"""Words and numbers in a row, as in paths, identifiers and dates: no token, unless one of its words is none."""
_SEPARATORS = lazy(r"[\W_]")
_SHORTEST_WORD = 12
_BEFORE, _AFTER = 60, 40
"""Characters around a token that a rule may ask about: the name of the service before it, the end behind it."""
_REST = lazy(r"[\w-]{0,400}", re.ASCII)
_CONTEXT_BITS = 5.0
"""Surprise that a value beside a service's name needs: `twitter_id = some_function_name` has none."""


@dataclass(frozen=True)
class Rule:
    """One kind of secret; `source` is a Python pattern, `bits` the surprise and `entropy` the bits per character."""

    id: str
    keywords: tuple[str, ...]
    source: str
    entropy: float = 0.0
    bits: float = -1000.0
    is_beside_name: bool = False
    allow: str = ""

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Rule:
        """From an entry of a rule file."""
        beside = bool(raw.get("context"))
        bits = raw.get("bits", _CONTEXT_BITS if beside else -1000.0)
        source, allow = raw["regex"], raw.get("allow", "")
        return cls(raw["id"], tuple(raw["keywords"]), source, raw.get("entropy", 0.0), bits, beside, allow)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when it is first tried: most rules never are."""
        return re.compile(self.source, re.ASCII)

    def spans(self, text: str, start: int, end: int) -> Iterator[Span]:
        """The secrets of this kind that lie between `start` and `end`."""
        for match in self.pattern.finditer(text, start, end):
            group = next((number for number, value in enumerate(match.groups(), 1) if value), 0)
            secret = match[group].strip("\"'")
            if self._is_random(secret):
                at = match.start(group)
                yield at, match.end(group) if self.is_beside_name else _whole(text, match.end(group))

    def _is_random(self, secret: str) -> bool:
        if self.allow and re.search(self.allow, secret):
            return False
        return entropy(secret) >= self.entropy and (
            surprise(secret) >= self.bits or any(surprise(part) >= self.bits for part in _SEPARATORS.split(secret))
        )


def service_spans(text: str, lowered: str) -> Iterator[Span]:
    """What the rules call a secret; `lowered` is `text` in lower case."""
    windows = _windows(text)
    if not windows:
        return
    around = "\n".join(lowered[start:end] for start, end in windows)
    tried = [(keyword, rules) for keyword, rules in _rules_by_keyword().items() if keyword in around]
    for start, end in windows:
        part = lowered[start:end]
        for keyword, rules in tried:
            if keyword in part:
                for rule in rules:
                    yield from rule.spans(text, start, end)


@cache
def all_rules() -> Sequence[Rule]:
    """The rules of both files."""
    found = []
    for name in ("services.json", "gitleaks.json"):
        entries = data(name)
        assert isinstance(entries, list)
        found += [Rule.from_json(entry) for entry in entries]
    return tuple(found)


@cache
def _rules_by_keyword() -> dict[str, list[Rule]]:
    rules: dict[str, list[Rule]] = {}
    for rule in all_rules():
        for keyword in rule.keywords:
            rules.setdefault(keyword, []).append(rule)
    return rules


def _windows(text: str) -> list[Span]:
    """What lies around the tokens that may be secrets, joined where they touch."""
    windows: list[Span] = []
    for match in _TOKEN.finditer(text):
        if not _is_candidate(match[0]):
            continue
        start, end = max(0, match.start() - _BEFORE), min(len(text), match.end() + _AFTER)
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    return windows


def _is_candidate(token: str) -> bool:
    if not _WORDY.fullmatch(token):
        return True
    words = _SEPARATORS.split(token) if len(token) >= _SHORTEST_WORD else ()
    return any(len(word) >= _SHORTEST_WORD and surprise(word) >= _CONTEXT_BITS for word in words)


def _whole(text: str, end: int) -> int:
    """The end of the token that a secret is the start of: no tail of it stays."""
    match = _REST.match(text, end)
    return match.end() if match else end
