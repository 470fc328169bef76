"""TypeScript."""

from __future__ import annotations

from repocomp.languages import javascript
from repocomp.languages.language import Language

LANGUAGE = Language(
    name="typescript",
    grammar=("tree_sitter_typescript", "language_typescript"),
    query=("ecma", "typescript"),
    extensions=(".ts", ".mts", ".cts"),
    interpreters=("deno", "ts-node", "tsx"),
    other_names=("ts",),
    function_words=("function",),
    class_words=("class", "interface", "enum"),
    import_words=("import", "require"),
    strings=javascript.STRINGS,
    opens_block=javascript.OPENS_BLOCK,
    empty_blocks=("{}",),
    comment_nodes=javascript.COMMENT_NODES,
    string_nodes=javascript.STRING_NODES,
    bases=javascript.BASES,
    imports=javascript.imports,
    module_files=javascript.MODULE_FILES,
)
