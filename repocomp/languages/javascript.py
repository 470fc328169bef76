"""JavaScript, JSX included, and what TypeScript shares with it."""

from __future__ import annotations

from collections.abc import Iterator

from repocomp.languages.imports import matches, names
from repocomp.languages.language import Import, Language

_FROM = r"^[ \t]*(?:import|export)\b([^;\"'`]*?)\bfrom\s*[\"']([^\"'\n]+)[\"']"
_REQUIRE = r"^[ \t]*(?:const|let|var)\s+([^=;]+?)\s*=\s*require\([\"']([^\"'\n]+)[\"']\)"

STRINGS = ("`", '"', "'")
OPENS_BLOCK = ("{", "=>")
STRING_NODES = frozenset({"string", "template_string", "regex"})
COMMENT_NODES = frozenset({"comment", "html_comment"})
BASES = r"\bextends\s+([\w.,\s]+?)(?=\s+implements|$)"
MODULE_FILES = ("{}.ts", "{}.tsx", "{}.js", "{}.jsx", "{}.mjs", "{}/index.ts", "{}/index.js", "{}")


def imports(text: str) -> Iterator[Import]:
    """`import ... from`, `export ... from` and `require`."""
    for pattern in (_FROM, _REQUIRE):
        for match in matches(pattern, text):
            listed = match[1].replace("type ", " ")
            default, brace, named = listed.partition("{")
            for name, alias in names(default.replace("import", "")):
                yield match[2], None if name in ("*", alias) else name, alias
            for name, alias in names(named if brace else ""):
                yield match[2], name, alias


LANGUAGE = Language(
    name="javascript",
    grammar=("tree_sitter_javascript", "language"),
    query=("ecma", "javascript"),
    extensions=(".js", ".jsx", ".mjs", ".cjs"),
    interpreters=("node", "nodejs", "bun"),
    other_names=("js", "jsx", "node"),
    function_words=("function",),
    import_words=("import", "require"),
    strings=STRINGS,
    opens_block=OPENS_BLOCK,
    comment_nodes=COMMENT_NODES,
    string_nodes=STRING_NODES,
    bases=BASES,
    imports=imports,
    module_files=MODULE_FILES,
)
