"""Shell scripts, read as Bash."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

LANGUAGE = Language(
    name="bash",
    grammar=("tree_sitter_bash", "language"),
    query=("bash",),
    extensions=(".sh", ".bash", ".bats"),
    file_names=(".bashrc", ".profile"),
    interpreters=("sh", "bash", "dash", "ash", "ksh", "zsh", "bats"),
    other_names=("sh", "shell"),
    function_words=("function",),
    class_words=(),
    import_words=("source",),
    self_words=(),
    line_comment="#",
    block_comment=None,
    strings=('"', "'", "`"),
    opens_block=("{", "then", "do", "else"),
    opening_lines=r"case\b.*\sin$|[^()]*\)$",
    jumps=r"(?:return|exit|break|continue)\b(?!.*(?:&&|\|\|))",
    empty_blocks=(":\nfi", ":\ndone"),
    string_nodes=frozenset({"string", "raw_string", "ansi_c_string", "heredoc_body"}),
    imports=whole_modules(r"^[ \t]*(?:source|\.)[ \t]+[\"']?([^\s\"';]+)", "/"),
)
