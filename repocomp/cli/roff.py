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
    r"""Paragraphs, which are parted by empty lines. One that begins with click's mark, a line "\b", is a table."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith("\b"):
            yield from tagged(_rows(paragraph.removeprefix("\b")))
        else:
            yield from (".PP", escape(" ".join(paragraph.split())))


def _rows(table: str) -> Iterator[tuple[str, str]]:
    """Rows of a name and a text, two blanks or more between them; lines that begin with blanks go on with the text."""
    rows: list[tuple[str, list[str]]] = []
    for line in filter(None, table.split("\n")):
        if line[0] != " ":
            name, _, said = line.partition("  ")
            rows.append((name, [said.strip()]))
        elif rows:
            rows[-1][1].append(line.strip())
    return ((name, " ".join(said).strip()) for name, said in rows)


def verbatim(lines: Iterable[str]) -> Iterator[str]:
    """Lines as they are."""
    yield from (".nf", *(escape(line) for line in lines), ".fi")


def see_also(pages: Rows) -> Iterator[str]:
    """References to (name, section) of other pages."""
    yield from (".SH SEE ALSO", ", ".join(f"\\fB{escape(name)}\\fR({number})" for name, number in pages))
