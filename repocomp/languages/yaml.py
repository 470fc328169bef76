"""YAML."""

from __future__ import annotations

from repocomp.languages.language import Language

LANGUAGE = Language(
    name="yaml",
    grammar=("tree_sitter_yaml", "language"),
    query=("yaml",),
    extensions=(".yaml", ".yml", ".cff"),
    file_names=(".clang-format", ".clang-tidy", ".yamllint"),
    other_names=("yml",),
    reserved=frozenset("true false null yes no on off".split()),
    class_words=(),
    import_words=(),
    self_words=(),
    line_comment="#",
    block_comment=None,
    brackets=("[]", "{}"),
    opens_block=(":", "|", ">"),
    jumps="",
    string_nodes=frozenset({"double_quote_scalar", "single_quote_scalar", "block_scalar"}),
    has_symbols=False,
)
