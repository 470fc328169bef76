"""Swift."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

_IMPORT = r"^[ \t]*(?:@\w+[ \t]+)*import[ \t]+(?:(?:struct|class|enum|protocol|func|var|let|typealias)[ \t]+)?([\w.]+)"

LANGUAGE = Language(
    name="swift",
    grammar=("tree_sitter_swift", "language"),
    query=("swift",),
    extensions=(".swift",),
    interpreters=("swift",),
    function_words=("func",),
    class_words=("class", "struct", "enum", "protocol", "extension", "actor"),
    self_words=("self",),
    strings=('"""', '"'),
    opens_block=("{", "in"),
    empty_blocks=("{}",),
    comment_nodes=frozenset({"comment", "multiline_comment"}),
    string_nodes=frozenset({"line_string_literal", "multi_line_string_literal", "raw_string_literal", "regex_literal"}),
    bases=r"\b(?:class|struct|enum|actor|protocol|extension)\s+[\w.]+\s*(?:<[^<>]*>)?\s*:\s*(.+?)(?=\s+where\b|$)",
    imports=whole_modules(_IMPORT, "."),
    module_separator=".",
    module_files=(),
    modules_are_folders=True,
)
