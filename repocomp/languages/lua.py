"""Lua."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

_REQUIRE = r"^[ \t]*(?:(?:local[ \t]+)?(\w+)[ \t]*=[ \t]*)?require[ \t(]*[\"']([^\"'\n]+)[\"']"

LANGUAGE = Language(
    name="lua",
    grammar=("tree_sitter_lua", "language"),
    query=("lua",),
    extensions=(".lua",),
    interpreters=("lua", "luajit"),
    function_words=("function",),
    class_words=(),
    import_words=("require",),
    self_words=("self",),
    line_comment="--",
    block_comment=("--[[", "]]"),
    strings=("[[", '"', "'"),
    opens_block=("then", "do", "else", "repeat"),
    opening_lines=r".*\bfunction\b[^()]{0,200}\([^()]{0,200}\)$",
    empty_blocks=("end", "until x"),
    imports=whole_modules(_REQUIRE, ".", module=2, alias=1),
    module_separator=".",
    module_files=("{}.lua", "{}/init.lua"),
)
