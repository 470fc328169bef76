"""Taking secrets out of a text: every rule names spans, and one pass replaces them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from repocomp.secrets.blocks import block_spans
from repocomp.secrets.places import place_spans
from repocomp.secrets.services import service_spans
from repocomp.secrets.shapes import Span
from repocomp.secrets.values import Style, style_of

REDACTED = "\ufdd0"
"""A Unicode noncharacter: valid in UTF-8, never interchanged as text, neither a letter nor white space."""
_LEGIBLE = "[redacted]"
_PASSES = 4
"""What was taken out may have hidden another secret, grown together with it."""


def redact(text: str, path: str = "") -> str:
    """`text` with every secret replaced by `REDACTED`; the number of lines stays.

    `path` is the file's name: what `password: value` means depends on whether that is configuration or code. Without
    it the text alone decides, more carefully.
    """
    style = style_of(path)
    for _ in range(_PASSES):
        spans = list(_disjoint(_spans(text, style)))
        if not spans:
            break
        text = "".join(_pieces(text, spans))
    return text


def redact_around(left: str, right: str, path: str = "") -> tuple[str, str]:
    """Both sides of a cursor without secrets, those too that it stands inside of: see `redact`."""
    style = style_of(path)
    for _ in range(_PASSES):
        text, at = left + right, len(left)
        spans = list(_disjoint(_spans(text, style)))
        if not spans:
            break
        left = "".join(_pieces(left, [(start, min(end, at)) for start, end in spans if start < at]))
        right = "".join(_pieces(right, [(max(start, at) - at, end - at) for start, end in spans if end > at]))
    return left, right


def _spans(text: str, style: Style) -> Iterator[Span]:
    lowered = _lowered(text)
    return chain(block_spans(text, lowered), service_spans(text, lowered), place_spans(text, lowered, style))


def legible(text: str) -> str:
    """`text` for people, `[redacted]` where something was taken out."""
    return text.replace(REDACTED, _LEGIBLE)


def _lowered(text: str) -> str:
    """Lower case, offset by offset: of all characters only U+0130 becomes longer."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()


def _disjoint(spans: Iterable[Span]) -> Iterator[Span]:
    last = None
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if last is None:
            last = (start, end)
        elif start <= last[1]:
            last = (last[0], max(last[1], end))
        else:
            yield last
            last = (start, end)
    if last is not None:
        yield last


def _pieces(text: str, spans: Iterable[Span]) -> Iterator[str]:
    at = 0
    for start, end in spans:
        yield text[at:start]
        yield REDACTED + "\n" * text.count("\n", start, end)
        at = end
    yield text[at:]
