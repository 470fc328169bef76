"""C++."""

from __future__ import annotations

from repocomp.languages import c
from repocomp.languages.language import Language

LANGUAGE = Language(
    name="cpp",
    grammar=("tree_sitter_cpp", "language"),
    query=("c", "cpp"),
    extensions=(".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx"),
    string_nodes=c.LANGUAGE.string_nodes | {"raw_string_literal"},
    bases=r"\b(?:class|struct)\s+\w+[^:]*?\s:\s*([\w.,\s:<>]+)$",
    imports=c.INCLUDES,
)
