"""Lines that frame code and are none: fences of prose, and what an unfinished merge leaves behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from repocomp.languages.embedded import Embedded, literate
from repocomp.languages.table import language_called

_MARKDOWN_FENCE = r"^[ \t>]*(?:`{3,}[^`\n]*|~{3,}[^\n]*)$"
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*(?:\{[ \t]*)?\.?([\w+#-]*)([^`\n]*)$")
_ASCIIDOC_FENCE = r"^(?:-{4,}|={4,}|\.{4,}|`{3,}[^`\n]*|\[(?:source|listing)\b[^\]\n]*\])[ \t]*$"
CONFLICT = b"<<<<<<< "
"""How one begins, if it does."""
_CONFLICT = r"^<{7} [^\n]*$|^\|{7}(?: [^\n]*)?$|^={7}$|^>{7}(?: [^\n]*)?$"


def without_markdown_fences(text: str) -> str:
    """Markdown with empty lines for the fences around its code."""
    return re.sub(_MARKDOWN_FENCE, "", text, flags=re.M)


def fenced_code(text: str, at: int) -> Embedded | None:
    """The blocks of Markdown in the cursor's language, with all else as comments; None for a cursor outside of any."""
    languages = list(_fenced_languages(text))
    here = languages[text.count("\n", 0, at)]
    return literate(text, at, here, [language == here for language in languages]) if here is not None else None


def _fenced_languages(text: str) -> Iterator[str | None]:
    """For every line of Markdown the language of the block that it stands in; None outside of any, and for fences."""
    opening, language = "", None
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if fence is None or (opening and not (fence[1].startswith(opening) and not fence[2] + fence[3].strip())):
            yield language
            continue
        opening, language = ("", None) if opening else (fence[1], language_called(fence[2]))
        yield None


def without_asciidoc_fences(text: str) -> str:
    """AsciiDoc with empty lines for the delimiters and attributes of its listings."""
    return re.sub(_ASCIIDOC_FENCE, "", text, flags=re.M)


def without_conflict_marks(text: str) -> str:
    """A text with empty lines for the marks of conflicts: from `<<<<<<<` to `>>>>>>>`, not the headings of prose."""
    if CONFLICT.decode() not in text:
        return text
    is_open = False

    def blank(match: re.Match[str]) -> str:
        nonlocal is_open
        mark = match[0][0]
        is_mark = is_open or mark == "<"
        is_open = is_mark and mark != ">"
        return "" if is_mark else match[0]

    return re.sub(_CONFLICT, blank, text, flags=re.M)


def one_side(text: str, at: int, language: str) -> Embedded | None:
    """What a merge would leave: of each conflict the side with the cursor, else the first, and the others as comments.

    None where the text has no conflicts, or the cursor stands on a mark of one.
    """
    plain = without_conflict_marks(text)
    if plain is text:
        return None
    row = text.count("\n", 0, at)
    sides = list(_sides(text, plain))
    if sides[row][1] is None:
        return None
    chosen = {sides[row][0]: sides[row][1]}
    is_code = [side is not None and side == chosen.get(conflict, 0) for conflict, side in sides]
    column = at - (text.rfind("\n", 0, at) + 1)
    place = sum(len(line) + 1 for line in plain.split("\n")[:row]) + column
    return literate(plain, place, language, is_code) or Embedded(plain, place)


def _sides(text: str, plain: str) -> Iterator[tuple[int, int | None]]:
    """For every line the number of its conflict (0: none) and of its side there; None for a mark."""
    conflict = side = 0
    is_open = False
    for line, kept in zip(text.split("\n"), plain.split("\n"), strict=True):
        if line == kept:
            yield (conflict, side) if is_open else (0, 0)
            continue
        is_open = not line.startswith(">")
        conflict, side = (conflict + 1, 0) if line.startswith("<") else (conflict, side + 1)
        yield 0, None
