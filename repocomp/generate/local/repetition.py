"""Small models get caught in circles, one answer in forty: what they say twice in a row is not said a third time."""

from __future__ import annotations

from collections.abc import Container, Sequence

_CIRCLE_TOKENS = 4
"""Shorter stretches come three times in a row in good code: rows of zeros, closing brackets."""


def said_twice(ids: Sequence[int], line_breaks: Container[int]) -> list[int]:
    """The tokens that would begin to say a third time what `ids` end with twice, inside a line.

    Lines that come again and again end the answer instead.
    """
    sizes = range(_CIRCLE_TOKENS, len(ids) // 2 + 1)
    circles = (ids[-size:] for size in sizes if ids[-size:] == ids[-2 * size : -size])
    return [circle[0] for circle in circles if not any(token in line_breaks for token in circle)]
