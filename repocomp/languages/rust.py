"""Rust."""

from __future__ import annotations

from collections.abc import Iterator

from repocomp.languages.imports import matches, names
from repocomp.languages.language import Import, Language

_USE = (
    r"^[ \t]*(?:pub(?:\([^)\n]*\))?\s+)?use\s+([\w:]+?)"
    # Over several lines, but not into the next statement, or each unfinished one would be read to the end.
    r"(?:::(\{(?:[^}\n]++|\n(?![ \t]*(?:pub|use)\b))*+\}|\w+|\*))?(?:\s+as\s+(\w+))?\s*;"
)


def _imports(text: str) -> Iterator[Import]:
    for match in matches(_USE, text):
        listed = match[2] or ""
        if listed.startswith("{"):
            yield from ((match[1], name, alias) for name, alias in names(listed))
        else:
            name = listed or match[1].rsplit("::", 1)[-1]
            yield match[1], name, match[3] or name


LANGUAGE = Language(
    name="rust",
    grammar=("tree_sitter_rust", "language"),
    query=("rust",),
    extensions=(".rs",),
    function_words=("fn",),
    class_words=("struct", "enum", "impl", "trait"),
    import_words=("use",),
    self_words=("self",),
    # A single quote opens a lifetime as often as a character.
    strings=('"',),
    empty_blocks=("{}",),
    comment_nodes=frozenset({"line_comment", "block_comment"}),
    string_nodes=frozenset({"string_literal", "raw_string_literal", "char_literal"}),
    imports=_imports,
    module_separator="::",
    module_roots=("crate::", "self::", "super::"),
    module_files=("{}.rs", "{}/mod.rs", "{}/lib.rs"),
    modules_hold_items=True,
)
