"""Lines that frame code and are none: fences of prose, and what an unfinished merge leaves behind."""

from __future__ import annotations

import re

_MARKDOWN_FENCE = r"^[ \t>]*(?:`{3,}[^`\n]*|~{3,}[^\n]*)$"
_ASCIIDOC_FENCE = r"^(?:-{4,}|={4,}|\.{4,}|`{3,}[^`\n]*|\[(?:source|listing)\b[^\]\n]*\])[ \t]*$"
_CONFLICT = r"^<{7} [^\n]*$|^\|{7}(?: [^\n]*)?$|^={7}$|^>{7}(?: [^\n]*)?$"


def without_markdown_fences(text: str) -> str:
    """Markdown with empty lines for the fences around its code."""
    return re.sub(_MARKDOWN_FENCE, "", text, flags=re.M)


def without_asciidoc_fences(text: str) -> str:
    """AsciiDoc with empty lines for the delimiters and attributes of its listings."""
    return re.sub(_ASCIIDOC_FENCE, "", text, flags=re.M)


def without_conflict_marks(text: str) -> str:
    """A text with empty lines for the marks of conflicts: from `<<<<<<<` to `>>>>>>>`, not the headings of prose."""
    if "<<<<<<< " not in text:
        return text
    is_open = False

    def blank(match: re.Match[str]) -> str:
        nonlocal is_open
        mark = match[0][0]
        is_mark = is_open or mark == "<"
        is_open = is_mark and mark != ">"
        return "" if is_mark else match[0]

    return re.sub(_CONFLICT, blank, text, flags=re.M)
