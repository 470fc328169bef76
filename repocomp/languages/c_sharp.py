"""C#."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

_USING = r"^[ \t]*(?:global\s+)?using\s+(?:static\s+)?(?:(\w+)\s*=\s*)?([\w.]+)\s*;"

LANGUAGE = Language(
    name="c_sharp",
    grammar=("tree_sitter_c_sharp", "language"),
    query=("c_sharp",),
    extensions=(".cs",),
    other_names=("c#", "csharp"),
    class_words=("class", "struct", "interface", "record"),
    import_words=("using",),
    strings=('"""', '"', "'"),
    empty_blocks=("{}",),
    string_nodes=frozenset(
        {
            "string_literal",
            "raw_string_literal",
            "verbatim_string_literal",
            "interpolated_string_expression",
            "character_literal",
        }
    ),
    bases=r"\b(?:class|struct|interface|record)\s+\w+[^:]*?\s:\s*([\w.,\s:<>]+)$",
    imports=whole_modules(_USING, ".", module=2, alias=1),
    module_separator=".",
    module_files=(),
    modules_are_folders=True,
)
