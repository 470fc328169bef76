"""Components of Vue and Svelte: the code in their script blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from repocomp.languages.embedded import Embedded, literate
from repocomp.languages.table import language_called

# Comments come first, since they may hold a script that does not count; a block that is not closed yet reaches the end.
_SCRIPT = (
    r"(?is)<!--.*?(?:-->|\Z)|<script(?P<attributes>\s(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)?(?<!/)>"
    r"(?P<body>.*?)(?:</script\s*>|\Z)"
)
_LANGUAGE = r"\blang\s*=\s*[\"']?(\w+)"
_LINES = r"[^\n]+"


def language(text: str) -> str:
    """What the script blocks say that they are written in, JavaScript unless one says otherwise."""
    said = (re.search(_LANGUAGE, match["attributes"] or "") for match in _blocks(text))
    return next((match[1] for match in said if match is not None), "javascript")


def scripts(text: str) -> str:
    """The script blocks where they stand, and nothing else."""
    kept: list[str] = []
    end = 0
    for match in _blocks(text):
        start, stop = match.span("body")
        kept += [re.sub(_LINES, "", text[end:start]), text[start:stop]]
        end = stop
    return "".join([*kept, re.sub(_LINES, "", text[end:])])


def script_at(text: str, at: int) -> Embedded | None:
    """The scripts around a cursor in one of them, with all else as comments; None for a cursor elsewhere."""
    if not any(match.start("body") <= at <= match.end("body") for match in _blocks(text)):
        return None
    is_code = [line == script for line, script in zip(text.split("\n"), scripts(text).split("\n"), strict=True)]
    return literate(text, at, language_called(language(text)), is_code)


def _blocks(text: str) -> Iterator[re.Match[str]]:
    return (match for match in re.finditer(_SCRIPT, text) if match["body"] is not None)
