"""Dart."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

LANGUAGE = Language(
    name="dart",
    grammar=("tree_sitter_dart", "language"),
    query=("dart",),
    extensions=(".dart",),
    interpreters=("dart",),
    reserved=frozenset(
        "abstract as assert async await base break case catch class const continue covariant default deferred do"
        " dynamic else enum export extends extension external factory false final finally for get hide if implements"
        " import in interface is late library mixin new null of on operator part required rethrow return sealed set"
        " show static super switch sync this throw true try type typedef var void when while with yield".split()
    ),
    class_words=("class", "mixin", "extension", "enum"),
    import_words=("import", "export", "part"),
    strings=("'''", '"""', "'", '"'),
    empty_blocks=("{}",),
    comment_nodes=frozenset({"comment", "documentation_comment"}),
    string_nodes=frozenset({"string_literal"}),
    bases=r"^(?:\w+\s+)*class\s+\w+(?:<[^>]*>)?\s+extends\s+([\w.]+)",
    # What a package of the repository holds lies in its folder `lib`.
    imports=whole_modules(
        r"^[ \t]*(?:import|export|part)[ \t]+[\"'](?:package:\w+/)?([\w./-]+)\.dart[\"']"
        r"(?:[ \t]+(?:deferred[ \t]+)?as[ \t]+(\w+))?",
        "/",
        alias=2,
    ),
    module_files=("{}.dart", "lib/{}.dart"),
)
