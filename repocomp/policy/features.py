"""A cursor's place in numbers and words, all of them known before anything is retrieved: what learning stands on."""

from __future__ import annotations

from repocomp.document import Document
from repocomp.prompt.window import Window
from repocomp.request import Mode
from repocomp.retrieve.query import Query
from repocomp.retrieve.understand import understand

Feature = str | int | float | bool


def features(document: Document, query: Query, window: Window, mode: Mode) -> dict[str, Feature]:
    """Names and values; no value is source text. Sizes are tokens, lines or bytes, as their names say."""
    line = window.left[window.left.rfind("\n") + 1 :]
    after = window.right.partition("\n")[0]
    asked = understand(query)
    return {
        "language": query.language,
        "mode": mode,
        "place": asked.place,
        "character_before": _kind(line[-1:]),
        "partial_chars": len(asked.partial),
        "indent_columns": len(line) - len(line.lstrip(" \t")),
        "is_line_begun": bool(line.strip()),
        "is_line_continued": bool(after.strip()),
        "names_asked": len(asked.asked),
        "left_tokens": len(window.left_ids),
        "right_tokens": len(window.right_ids),
        "file_lines": document.line_count,
        "file_bytes": len(document.data),
    }


def _kind(character: str) -> str:
    """What stands left of the cursor: the character itself where it is a sign, else its kind."""
    if not character:
        return "line start"
    if character.isspace():
        return "space"
    return "word" if character.isalnum() or character == "_" else character
