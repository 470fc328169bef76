"""PHP."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

_USE = r"^[ \t]*use\s+(?:function\s+|const\s+)?([\w\\]+)(?:\s+as\s+(\w+))?\s*;"

LANGUAGE = Language(
    name="php",
    grammar=("tree_sitter_php", "language_php"),
    query=("php",),
    extensions=(".php",),
    interpreters=("php",),
    function_words=("function",),
    class_words=("class", "interface", "trait", "enum"),
    import_words=("use", "require", "include"),
    empty_blocks=("{}",),
    jumps=r"(?:return|throw|break|continue|goto|exit)\b",
    string_nodes=frozenset({"string", "encapsed_string", "heredoc", "nowdoc"}),
    bases=r"\bextends\s+([\w.,\s]+?)(?=\s+implements|$)",
    imports=whole_modules(_USE, "\\", alias=2),
    module_separator="\\",
    module_files=("{}.php",),
)
