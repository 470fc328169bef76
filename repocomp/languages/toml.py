"""TOML."""

from __future__ import annotations

from repocomp.languages.language import Language

LANGUAGE = Language(
    name="toml",
    grammar=("tree_sitter_toml", "language"),
    query=("toml",),
    extensions=(".toml",),
    file_names=("Pipfile",),
    reserved=frozenset("true false inf nan".split()),
    class_words=(),
    import_words=(),
    self_words=(),
    line_comment="#",
    block_comment=None,
    strings=('"""', "'''", '"', "'"),
    brackets=("[]", "{}"),
    jumps="",
    opens_block=("[", "{"),
    has_symbols=False,
)
