"""C, and what C++ shares with it."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

INCLUDES = whole_modules(r"^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"\n]+)[>\"]", "/")

LANGUAGE = Language(
    name="c",
    grammar=("tree_sitter_c", "language"),
    query=("c",),
    extensions=(".c", ".h"),
    class_words=("struct",),
    import_words=("include",),
    empty_blocks=("{}",),
    self_words=(),
    string_nodes=frozenset({"string_literal", "char_literal", "system_lib_string"}),
    imports=INCLUDES,
)
