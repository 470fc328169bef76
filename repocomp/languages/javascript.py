"""JavaScript, JSX included, and what TypeScript shares with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from repocomp.languages.imports import matches, names
from repocomp.languages.language import Import, Language

# Over several lines, but not into the next statement of its kind, or each unfinished one would be read to the end.
_FROM = (
    r"^[ \t]*(?:import|export)\b((?:[^;\"'`\n]++|\n(?![ \t]*(?:import|export)\b))*+)"
    r"[\"']([^\"'\n]+)[\"']"
)
_BEFORE_FROM = r"(?s)(.*)\bfrom\s*"
_REQUIRE = (
    r"^[ \t]*(?:const|let|var)\s++((?:[^=;\n]++|\n(?![ \t]*(?:const|let|var)\b))++)"
    r"=\s*require\([\"']([^\"'\n]+)[\"']\)"
)

STRINGS = ("`", '"', "'")
OPENS_BLOCK = ("{", "=>")
STRING_NODES = frozenset({"string", "template_string", "regex"})
COMMENT_NODES = frozenset({"comment", "html_comment"})
BASES = r"\bextends\s+([\w.,\s]+?)(?=\s+implements|$)"
MODULE_FILES = ("{}.ts", "{}.tsx", "{}.js", "{}.jsx", "{}.mjs", "{}/index.ts", "{}/index.js", "{}")


def imports(text: str) -> Iterator[Import]:
    """`import ... from`, `export ... from` and `require`."""
    for match in matches(_FROM, text):
        if listed := re.fullmatch(_BEFORE_FROM, match[1]):
            yield from _listed(listed[1], match[2])
    for match in matches(_REQUIRE, text):
        yield from _listed(match[1], match[2])


def _listed(listed: str, module: str) -> Iterator[Import]:
    default, brace, named = listed.replace("type ", " ").partition("{")
    for name, alias in names(default.replace("import", "")):
        yield module, None if name in ("*", alias) else name, alias
    for name, alias in names(named if brace else ""):
        yield module, name, alias


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
    empty_blocks=("{}",),
    comment_nodes=COMMENT_NODES,
    string_nodes=STRING_NODES,
    bases=BASES,
    imports=imports,
    module_files=MODULE_FILES,
)
