"""How much of a completion persists in a text.

The definition. A text is its tokens: words, whole, and single other visible characters; each weighs its characters.
(Of 2,000 random lines of five projects and four other lines of the same project each, the common subsequence held 57 %
of the line by single characters and 16 % by tokens: characters alone would call chance persistence.)

1. The *place* is what stands in the file between the nearest visible lines that were above and below the cursor and are
   still there (aligned as by diff, from up to 24 lines on each side). If no line on either side is left, the place is
   gone, and so is the completion.
2. If a line of the place begins with what stood left of the cursor, the place begins right after that; if a line ends
   with what stood right of the cursor, the place ends before it. Indentation and trailing space do not count.
3. *Kept* is the weight of the heaviest common subsequence of the completion's tokens and those of any stretch of the
   place that is at most twice as long as the completion, in lines, plus two.

So white space, moved context and other edits of the file change nothing; a renamed word is lost, the rest stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate

from repocomp.document import text_of
from repocomp.feedback.marks import READ_CHARS, Marks, Token, digest, line_digest, tokens
from repocomp.secrets.redaction import redact

NEARLY = 0.9
"""The share of a completion that is nearly all of it: "typed anyway" asks for this much in the commit."""

_CURSOR = -1
"""Stands between the lines above and below; no digest is negative."""


class Text:
    """A file's content to look completions up in: secrets redacted as in the marks, lines read once."""

    def __init__(self, data: bytes, salt: bytes, path: str = "") -> None:
        text = redact(text_of(data), path)
        self.salt = salt
        self.lines = [line for line in text.split("\n") if line.strip()]
        self.digests = [line_digest(line, salt) for line in self.lines]


def kept_chars(marks: Marks, text: Text) -> int:
    """Visible characters of the completion that stand in `text`, at its place."""
    place = find_place(marks, text)
    return _heaviest(marks.tokens, [tokens(line[:READ_CHARS], text.salt) for line in place], 2 * marks.lines + 2)


def find_place(marks: Marks, text: Text) -> list[str]:
    """The lines that may hold the completion, without what stood beside the cursor; none where the place is gone."""
    bounds = _bounds(marks, text.digests)
    if bounds is None:
        return []
    lines = text.lines[bounds[0] : bounds[1]]
    size = marks.head[1]
    begins = next((at for at, line in enumerate(lines) if size and _starts(line, marks.head, text.salt)), None)
    if begins is not None:
        lines = [lines[begins].lstrip()[size:], *lines[begins + 1 :]]
    size = marks.tail[1]
    ends = next((at for at in range(len(lines) - 1, -1, -1) if size and _ends(lines[at], marks.tail, text.salt)), None)
    if ends is not None:
        lines = [*lines[:ends], lines[ends].rstrip()[:-size]]
    return lines


def _starts(line: str, head: Token, salt: bytes) -> bool:
    return digest(line.lstrip()[: head[1]], salt) == head[0]


def _ends(line: str, tail: Token, salt: bytes) -> bool:
    return digest(line.rstrip()[-tail[1] :], salt) == tail[0]


def _bounds(marks: Marks, found: Sequence[int]) -> tuple[int, int] | None:
    """The half-open range of visible lines between the context that is left; None where none is."""
    window = [*reversed(marks.above), _CURSOR, *marks.below]
    cursor = len(marks.above)
    pairs = _aligned(window, found)
    # Of lines that occur again, the first is taken above and the last below: the wider place.
    mirrored = _aligned(window[::-1], found[::-1])
    above = [at for place, at in pairs if place < cursor]
    below = [len(found) - 1 - at for place, at in mirrored if len(window) - 1 - place > cursor]
    if not above and not below and (marks.above or marks.below):
        return None
    start, end = max(above, default=-1) + 1, min(below, default=len(found))
    if start > end:
        end = min((at for place, at in pairs if place > cursor), default=len(found))
    around = 2 * marks.lines + 2
    if marks.above and not above:
        start = max(0, end - around)
    if marks.below and not below:
        end = min(len(found), start + around)
    return start, end


def _aligned(window: Sequence[int], found: Sequence[int]) -> list[tuple[int, int]]:
    matcher = SequenceMatcher(None, window, found, autojunk=False)
    return [(a + n, b + n) for a, b, size in matcher.get_matching_blocks() for n in range(size)]


def _heaviest(wanted: Sequence[Token], lines: Sequence[Sequence[Token]], stretch: int) -> int:
    """The best common subsequence with any `stretch` lines. Stretches are tried by what they could at best hold."""
    known = set(wanted)
    worth = list(accumulate((sum(t[1] for t in line if t in known) for line in lines), initial=0))
    last = max(0, len(lines) - stretch)
    bounds = sorted(((worth[min(at + stretch, len(lines))] - worth[at], at) for at in range(last + 1)), reverse=True)
    best = 0
    for bound, at in bounds:
        if bound <= best:
            break
        best = max(best, _common(wanted, [token for line in lines[at : at + stretch] for token in line]))
    return best


def _common(a: Sequence[Token], b: Sequence[Token]) -> int:
    """Weight of the heaviest common subsequence (Wagner and Fischer 1974, with the characters of a token as weight)."""
    row = [0] * (len(b) + 1)
    for token in a:
        diagonal = 0
        for at, other in enumerate(b, 1):
            above = row[at]
            row[at] = max(above, row[at - 1], diagonal + token[1] if token == other else 0)
            diagonal = above
    return row[-1]
