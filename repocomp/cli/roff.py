"""Manual pages in roff, from titles, rows and paragraphs of plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Rows = Iterable[tuple[str, str]]


def escape(text: str) -> str:
    """Escape what roff would read as its own: backslashes, hyphens, and a control character at a line's start."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def header(title: str, section: int, version: str, summary: str) -> Iterator[str]:
    """The head of a page, and its line for `apropos`."""
    manual = {1: "User Commands", 5: "File Formats", 7: "Miscellaneous"}[section]
    yield f'.TH "{title.upper()}" "{section}" "" "repocomp {version}" "{manual}"'
    yield from (".SH NAME", f"{escape(title)} \\- {escape(summary)}")


def section(title: str, rows: Rows) -> Iterator[str]:
    """A section of rows; nothing without any."""
    listed = list(rows)
    if listed:
        yield f".SH {title}"
        yield from tagged(listed)


def tagged(rows: Rows) -> Iterator[str]:
    """Paragraphs with a tag in bold each."""
    for head, text in rows:
        yield from (".TP", f"\\fB{escape(head)}\\fR", escape(text))


def paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of running text, which are parted by empty lines."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield from (".PP", escape(" ".join(paragraph.split())))


def verbatim(lines: Iterable[str]) -> Iterator[str]:
    """Lines as they are."""
    yield from (".nf", *(escape(line) for line in lines), ".fi")


def see_also(pages: Rows) -> Iterator[str]:
    """References to (name, section) of other pages."""
    yield from (".SH SEE ALSO", ", ".join(f"\\fB{escape(name)}\\fR({number})" for name, number in pages))
