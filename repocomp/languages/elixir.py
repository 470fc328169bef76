"""Elixir."""

from __future__ import annotations

from collections.abc import Iterator

from repocomp.languages.imports import matches, names
from repocomp.languages.language import Import, Language

_DIRECTIVE = (
    r"^[ \t]*(?:alias|import|require|use)[ \t]+([A-Z][\w.]*?)(?:\.\{([^{}]*)\}|(?:,[ \t]*as:[ \t]*(\w+))?(?![\w.]))"
)

_RESERVED = """
after and case catch cond def defdelegate defexception defguard defguardp defimpl defmacro defmacrop defmodule defp
defprotocol defstruct do else end false fn for if import in nil not or quote raise receive require rescue super throw
true try unless unquote use when with alias
"""


def _imports(text: str) -> Iterator[Import]:
    for match in matches(_DIRECTIVE, text):
        if match[2] is not None:
            yield from ((f"{match[1]}.{name}", None, alias) for name, alias in names(match[2]))
        else:
            yield match[1], None, match[3] or match[1].rsplit(".", 1)[-1]


LANGUAGE = Language(
    name="elixir",
    grammar=("tree_sitter_elixir", "language"),
    query=("elixir",),
    extensions=(".ex", ".exs"),
    interpreters=("elixir",),
    reserved=frozenset(_RESERVED.split()),
    function_words=("def", "defp"),
    class_words=("defmodule", "defprotocol", "defimpl"),
    import_words=("alias", "import", "require", "use"),
    self_words=(),
    line_comment="#",
    block_comment=None,
    strings=('"""', "'''", '"', "'"),
    opens_block=("do", "->", "fn"),
    opening_lines=r"(?:else|after|rescue|catch)$",
    empty_blocks=("end",),
    jumps="",
    string_nodes=frozenset({"string", "charlist", "sigil"}),
    has_clauses=True,
    imports=_imports,
    module_separator=".",
    module_files=(),
)
