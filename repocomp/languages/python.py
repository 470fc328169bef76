"""Python."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from repocomp.languages.imports import matches, names
from repocomp.languages.language import Import, Language

_FROM = r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(?:\(([^()]*)\)?|([^\n(]*))"
_IMPORT = r"^[ \t]*import[ \t]+([\w., \t]+)"


def _imports(text: str) -> Iterator[Import]:
    for match in matches(_FROM, text):
        listed = re.sub(r"#[^\n]*|\\", "", match[2] if match[2] is not None else match[3])
        for name, alias in names(listed):
            yield match[1], name, alias
    for match in matches(_IMPORT, text):
        for item in match[1].split(","):
            module, _, alias = (part.strip() for part in item.partition(" as "))
            if module:
                yield module, None, alias or module.split(".")[0]


LANGUAGE = Language(
    name="python",
    grammar=("tree_sitter_python", "language"),
    query=("python",),
    extensions=(".py", ".pyi", ".pyw"),
    file_names=("SConstruct", "wscript"),
    interpreters=("python", "pypy"),
    other_names=("py", "ipython"),
    reserved=frozenset(keyword.kwlist),
    function_words=("def",),
    import_words=("from", "import"),
    self_words=("self", "cls"),
    line_comment="#",
    block_comment=None,
    strings=('"""', "'''", '"', "'"),
    jumps=r"(?:return|raise|break|continue)\b",
    opens_block=(":",),
    empty_blocks=("pass",),
    bases=r"^class\s+\w+\s*\(([^()]*)\)",
    has_docstrings=True,
    imports=_imports,
    module_separator=".",
    module_files=("{}.py", "{}/__init__.py", "{}.pyi"),
    dots_climb=True,
)
