"""Scala."""

from __future__ import annotations

from collections.abc import Iterator

from repocomp.languages.imports import matches, names
from repocomp.languages.language import Import, Language

_IMPORT = r"^[ \t]*import[ \t]+([\w.]+)\.(\{[^{}]*\}|\w+|\*)(?:[ \t]+as[ \t]+(\w+))?"


def _imports(text: str) -> Iterator[Import]:
    for match in matches(_IMPORT, text):
        if match[2].startswith("{"):
            yield from ((match[1], name, alias) for name, alias in names(match[2].replace("=>", " as ")))
        else:
            yield match[1], match[2], match[3] or match[2]


LANGUAGE = Language(
    name="scala",
    grammar=("tree_sitter_scala", "language"),
    query=("scala",),
    extensions=(".scala", ".sc", ".sbt"),
    interpreters=("scala", "scala-cli", "amm"),
    function_words=("def",),
    class_words=("class", "object", "trait", "enum"),
    strings=('"""', '"', "'"),
    opens_block=("{", "=", ":", "=>"),
    comment_nodes=frozenset({"comment", "block_comment"}),
    string_nodes=frozenset({"string", "interpolated_string", "character_literal"}),
    bases=r"\bextends\s+([\w.,\[\]\s]+)",
    imports=_imports,
    module_separator=".",
    module_files=("{}.scala",),
)
