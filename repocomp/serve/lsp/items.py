r"""Completions as the protocol spells them. Each item carries the command that says what became of it.

Lines end with `\n` alone: editors put the line end of the buffer there, and those that do not would leave a `\r`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repocomp.store.feedback.rows import EventKind

Item = dict[str, Any]

COMMANDS: dict[str, EventKind] = {
    "repocomp.accept": "accepted",
    "repocomp.acceptPart": "partially_accepted",
    "repocomp.reject": "rejected",
    "repocomp.shown": "shown",
}
"""Commands with what they say. Their arguments are the name of the completion, and for a part its text."""

_WORD = re.compile(r"\w+$")
_TEXT_KIND = 1
_AS_IS = 1
_LABEL_CHARS = 80


def inline_items(
    identity: str, text: str, start: dict[str, int], end: dict[str, int], chosen: str = ""
) -> dict[str, Any]:
    """The result of `textDocument/inlineCompletion`: one item, or none.

    It replaces what stands from `start` to `end` by what was `chosen` in a menu, and goes on from there.
    """
    if not text:
        return {"items": []}
    place = {"start": start, "end": end}
    return {"items": [{"insertText": _lines(chosen + text), "range": place, "command": _accepted(identity)}]}


def menu_items(identity: str, text: str, start: dict[str, int], position: dict[str, int], word: str) -> dict[str, Any]:
    """The result of `textDocument/completion`.

    Editors compare an item with the `word` before the cursor, so it replaces that, from `start` to `position`. To type
    on is to ask again.
    """
    if not text.strip():
        return {"isIncomplete": True, "items": []}
    text = _lines(text)
    new = word + text
    first = new.strip().split("\n", 1)[0].strip()
    item = {
        "label": first[:_LABEL_CHARS],
        "kind": _TEXT_KIND,
        "detail": "repocomp",
        "documentation": new,
        "filterText": new.split("\n", 1)[0] or new,
        "sortText": " ",
        "insertTextFormat": 1,
        "insertTextMode": _AS_IS,
        "textEdit": {"range": {"start": start, "end": position}, "newText": new},
        "command": _accepted(identity),
    }
    return {"isIncomplete": True, "items": [item]}


def word_before(line: str) -> str:
    """The word that a cursor at the end of `line` stands behind."""
    found = _WORD.search(line[-_LABEL_CHARS:])
    return found.group() if found is not None else ""


def _accepted(identity: str) -> Item:
    return {"title": "accepted", "command": "repocomp.accept", "arguments": [identity]}


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
