"""Go."""

from __future__ import annotations

from collections.abc import Iterator

from repocomp.languages.imports import matches
from repocomp.languages.language import Import, Language

_IMPORT = r"^[ \t]*(?:import[ \t]+)?(?:([\w.]+)[ \t]+)?\"([\w./-]+)\"[ \t]*$"


def _imports(text: str) -> Iterator[Import]:
    return ((m[2], None, m[1] or m[2].rsplit("/", 1)[-1]) for m in matches(_IMPORT, text))


LANGUAGE = Language(
    name="go",
    grammar=("tree_sitter_go", "language"),
    query=("go",),
    extensions=(".go",),
    other_names=("golang",),
    function_words=("func",),
    class_words=("struct", "interface"),
    self_words=(),
    strings=("`", '"', "'"),
    string_nodes=frozenset({"interpreted_string_literal", "raw_string_literal", "rune_literal"}),
    imports=_imports,
    module_files=(),
    modules_are_folders=True,
)
