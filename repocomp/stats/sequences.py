"""How alike two sequences are: edit distance, longest common subsequence, BLEU, and what one bag holds of another.

Distances are bit-parallel over Python's integers (Myers 1999 as corrected by Hyyro 2003 for Levenshtein; Hyyro 2004 for
the longest common subsequence): a few microseconds for a line, and no dependency.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_ORDER = 4


def levenshtein(a: str, b: str) -> int:
    """Insertions, deletions and substitutions from `a` to `b`."""
    if not a or not b:
        return len(a) or len(b)
    masks = _masks(a)
    full, top = (1 << len(a)) - 1, 1 << (len(a) - 1)
    plus, minus, distance = full, 0, len(a)
    for char in b:
        match = masks.get(char, 0)
        zero = (((match & plus) + plus) ^ plus) | match | minus
        up, down = minus | (~(zero | plus) & full), plus & zero
        distance += bool(up & top) - bool(down & top)
        up, down = (up << 1) | 1, down << 1
        plus = (down | ~(zero | up)) & full
        minus = up & zero & full
    return distance


def similarity(a: str, b: str) -> float:
    """Edit similarity in 0..1 of stripped text: 1 - Levenshtein / longer length; 1 where both are empty."""
    a, b = a.strip(), b.strip()
    longer = max(len(a), len(b))
    return 1.0 if not longer else 1 - levenshtein(a, b) / longer


def common_subsequence(a: str, b: str) -> int:
    """Length of the longest common subsequence."""
    masks = _masks(a)
    full = (1 << len(a)) - 1
    state = full
    for char in b:
        hit = state & masks.get(char, 0)
        state = ((state + hit) | (state - hit)) & full
    return len(a) - state.bit_count()


def bleu(candidate: Sequence[str], reference: Sequence[str], weights: Mapping[str, float] | None = None) -> float:
    """BLEU-4 in 0..1 with a brevity penalty, add-one smoothed above single tokens (Lin and Och 2004).

    Single tokens count by `weights`, 1 where they have none.
    """
    if not candidate or not reference:
        return float(list(candidate) == list(reference))
    given, total = weights or {}, 0.0
    for order in range(1, _ORDER + 1):
        own, other = _ngrams(candidate, order), _ngrams(reference, order)
        weigh = [given.get(ngram[0], 1.0) if order == 1 else 1.0 for ngram in own]
        matched = sum(w * min(count, other[ngram]) for w, (ngram, count) in zip(weigh, own.items(), strict=True))
        drawn = sum(w * count for w, count in zip(weigh, own.values(), strict=True))
        smooth = float(order > 1)
        if matched + smooth == 0:
            return 0.0
        total += math.log((matched + smooth) / (drawn + smooth)) / _ORDER
    return math.exp(total + min(0.0, 1 - len(reference) / len(candidate)))


def share_held(own: Counter[Any], other: Counter[Any]) -> float:
    """The share of the bag `other` that `own` holds; 1 where there is nothing to hold."""
    total = other.total()
    return sum(min(count, own[key]) for key, count in other.items()) / total if total else 1.0


def _ngrams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[at : at + order]) for at in range(len(tokens) - order + 1))


def _masks(text: str) -> dict[str, int]:
    masks: dict[str, int] = {}
    for at, char in enumerate(text):
        masks[char] = masks.get(char, 0) | 1 << at
    return masks
