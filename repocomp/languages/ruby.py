"""Ruby."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

_OPENING = (
    r"(?!.*\bend$|.*\bthen\s|def\s+[\w.?!]+(?:\([^()]{0,200}\))?\s=\s)(?:[\w.@]+\s*\|{0,2}=\s*)?(?:(?:private|protected|public)\s+)?"
    r"(?:def|class|module|if|elsif|else|unless|while|until|case|when|in|for|begin|rescue|ensure)\b"
)

LANGUAGE = Language(
    name="ruby",
    grammar=("tree_sitter_ruby", "language"),
    query=("ruby",),
    extensions=(".rb", ".rake"),
    file_names=("Rakefile", "Gemfile"),
    interpreters=("ruby", "jruby"),
    other_names=("rb",),
    function_words=("def",),
    class_words=("class", "module"),
    import_words=("require", "require_relative"),
    self_words=("self",),
    line_comment="#",
    block_comment=("=begin", "=end"),
    opens_block=("do", "|", "{", "then"),
    opening_lines=_OPENING,
    jumps=r"(?:return|raise|break|next|redo|retry)\b(?!.*\b(?:if|unless|while|until|rescue)\b)",
    empty_blocks=("end",),
    string_nodes=frozenset({"string", "bare_string", "heredoc_body", "regex", "character"}),
    bases=r"^(?:class|module)\s+\w+\s*<\s*([\w:]+)\s*(?=$|#|;)",
    imports=whole_modules(r"^[ \t]*require(?:_relative)?[ \t(]+[\"']([^\"'\n]+)[\"']", "/"),
    module_files=("{}.rb", "{}"),
)
