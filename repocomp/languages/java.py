"""Java."""

from __future__ import annotations

from collections.abc import Iterator

from repocomp.languages.imports import matches
from repocomp.languages.language import Import, Language

_IMPORT = r"^[ \t]*import\s+(?:static\s+)?([\w.]+?)\.(\w+|\*)\s*;"


def _imports(text: str) -> Iterator[Import]:
    return ((m[1], m[2], m[2]) for m in matches(_IMPORT, text))


LANGUAGE = Language(
    name="java",
    grammar=("tree_sitter_java", "language"),
    query=("java",),
    extensions=(".java",),
    class_words=("class", "interface", "enum", "record"),
    strings=('"""', '"', "'"),
    empty_blocks=("{}",),
    comment_nodes=frozenset({"line_comment", "block_comment"}),
    string_nodes=frozenset({"string_literal", "character_literal"}),
    bases=r"\bextends\s+([\w.,\s]+?)(?=\s+implements|$)",
    imports=_imports,
    module_separator=".",
    module_files=("{}.java",),
)
