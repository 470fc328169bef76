"""Code that stands in another file: a text of its own for a cursor in it, and how an answer is written back there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from repocomp.languages.table import language as language_named


@dataclass(frozen=True, slots=True)
class Embedded:
    r"""The code around a cursor that stands `at` so many characters into `text` (line ends `\n`).

    `language` is None where the file's own is right. Unless it `keeps_lines`, their numbers are not those of the file.
    In the file a line ends as `line_end` says, and `is_json` where lines are parts of JSON strings.
    """

    text: str
    at: int
    language: str | None = None
    keeps_lines: bool = True
    line_end: str = "\n"
    is_json: bool = False

    def written(self, answer: str) -> str:
        """An answer as the file holds it; each piece of one can be written by itself."""
        lines = answer.split("\n")
        return (
            self.line_end.join(json.dumps(line, ensure_ascii=False)[1:-1] for line in lines)
            if self.is_json
            else (self.line_end.join(lines))
        )


def literate(text: str, at: int, language: str, is_code: Sequence[bool]) -> Embedded | None:
    """`text` with the lines that are not code as comments; None where the cursor stands in one of them."""
    known = language_named(language)
    row = text.count("\n", 0, at)
    if known is None or not is_code[row]:
        return None
    lines = text.split("\n")
    kept = [
        line if is_ours or not line.strip() else f"{known.line_comment} {line}"
        for line, is_ours in zip(lines, is_code, strict=True)
    ]
    column = at - (text.rfind("\n", 0, at) + 1)
    return Embedded("\n".join(kept), sum(len(line) + 1 for line in kept[:row]) + column, language)
