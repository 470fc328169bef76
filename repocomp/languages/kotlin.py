"""Kotlin."""

from __future__ import annotations

from collections.abc import Iterator

from repocomp.languages.imports import matches
from repocomp.languages.language import Import, Language

_IMPORT = r"^[ \t]*import[ \t]+([\w.]+)\.(\w+|\*)(?:[ \t]+as[ \t]+(\w+))?"


def _imports(text: str) -> Iterator[Import]:
    return ((m[1], m[2], m[3] or m[2]) for m in matches(_IMPORT, text))


LANGUAGE = Language(
    name="kotlin",
    grammar=("tree_sitter_kotlin", "language"),
    query=("kotlin",),
    extensions=(".kt", ".kts"),
    interpreters=("kotlin", "kotlinc"),
    function_words=("fun",),
    class_words=("class", "interface", "object"),
    strings=('"""', '"', "'"),
    opens_block=("{", "->"),
    empty_blocks=("{}",),
    comment_nodes=frozenset({"line_comment", "block_comment"}),
    string_nodes=frozenset({"string_literal", "multiline_string_literal", "character_literal"}),
    bases=r"\b(?:class|interface|object)\s+\w+\s*(?:<[^<>]*>)?\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*:\s*(.+)$",
    imports=_imports,
    module_separator=".",
    module_files=("{}.kt",),
)
