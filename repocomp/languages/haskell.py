"""Haskell."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

_IMPORT = r"^import[ \t]+(?:safe[ \t]+)?(?:qualified[ \t]+)?([\w.]+)(?:[ \t]+qualified)?(?:[ \t]+as[ \t]+([\w.]+))?"

LANGUAGE = Language(
    name="haskell",
    grammar=("tree_sitter_haskell", "language"),
    query=("haskell",),
    extensions=(".hs",),
    interpreters=("runhaskell", "runghc", "stack"),
    class_words=("class", "instance"),
    self_words=(),
    line_comment="--",
    block_comment=("{-", "-}"),
    # A single quote ends names as often as it opens a character.
    strings=('"',),
    opens_block=("where", "do", "of", "="),
    comment_nodes=frozenset({"comment", "haddock"}),
    jumps="",
    string_nodes=frozenset({"string", "char"}),
    has_clauses=True,
    imports=whole_modules(_IMPORT, ".", alias=2),
    module_separator=".",
    module_files=("{}.hs",),
)
