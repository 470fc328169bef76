"""Files that hold code inside something else, and what of any file may be shown: from bytes to language, text and code.

Whatever is taken out leaves its line empty, so that line numbers stay those of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from repocomp.document import text_of
from repocomp.languages import components, marks, notebook, patches
from repocomp.languages.embedded import Embedded
from repocomp.languages.language import TEXT
from repocomp.languages.table import language_by_content, language_called


def _same(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. `language` names the language of its code (None: told by path and content).

    `shown` is what of a text may be indexed and offered, `code` what of that is parsed, `embedded` the code around a
    cursor (a number of characters) where that is not the whole text; None where the cursor stands in no code. Larger
    files than `most_bytes` are not worth reading; `left_out` says why none is.
    """

    name: str
    extensions: tuple[str, ...] = ()
    language: Callable[[str], str] | None = None
    shown: Callable[[str], str] = _same
    code: Callable[[str], str] = _same
    embedded: Callable[[str, int], Embedded | None] | None = None
    most_bytes: int = 1 << 20
    left_out: str | None = None


PLAIN = Format("")
FORMATS = (
    # Pictures make a notebook large, not code.
    Format(
        "notebook",
        (".ipynb",),
        notebook.language,
        notebook.cells,
        notebook.without_magics,
        notebook.cell_at,
        most_bytes=1 << 22,
    ),
    Format(
        "component",
        (".vue", ".svelte"),
        components.language,
        code=components.scripts,
        embedded=components.script_at,
    ),
    Format(
        "markdown",
        (".md", ".markdown", ".mkd", ".mdx", ".rmd", ".qmd"),
        shown=marks.without_markdown_fences,
        embedded=marks.fenced_code,
    ),
    Format("asciidoc", (".adoc", ".asciidoc", ".asc"), shown=marks.without_asciidoc_fences),
    # Half of their lines are gone from the code, and all begin one column late.
    Format("diff", (".diff", ".patch", ".rej"), embedded=patches.new_side, left_out="diff"),
)
_BY_EXTENSION = {extension: form for form in FORMATS for extension in form.extensions}


def format_of(path: str) -> Format:
    """The format of a file by its name; `PLAIN` for source code and text."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower(), PLAIN)


def language_in(path: str, data: bytes) -> str:
    """The language of the code in a file; `text` where it is none that we know."""
    form = format_of(path)
    if form.language is None:
        return language_by_content(path, data)
    return language_called(form.language(text_of(data)))


def shown(path: str, text: str) -> str:
    r"""What of a text (line ends `\n`) may be indexed and offered, each line where it stands in the file."""
    return format_of(path).shown(marks.without_conflict_marks(text))


def code(path: str, text: str) -> str:
    """What of a shown text is code to be parsed, each line where it stands."""
    return format_of(path).code(text)


def may_embed(path: str, data: bytes) -> bool:
    """Whether a file may hold code beside something else, at the cost of a glance."""
    return format_of(path).embedded is not None or marks.CONFLICT in data


def embedded(path: str, text: str, at: int) -> Embedded | None:
    r"""The code around the cursor `at` so many characters into a text (line ends `\n`), where not all of it is code."""
    form = format_of(path)
    found = form.embedded(text, at) if form.embedded is not None else None
    if found is None and form.language is not None:
        return Embedded(text, at, TEXT)
    return found or marks.one_side(text, at, language_in(path, text.encode()))
