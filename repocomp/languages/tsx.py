"""TypeScript with JSX: a grammar of its own, since `<T>` reads differently there."""

from __future__ import annotations

from dataclasses import replace

from repocomp.languages import typescript

LANGUAGE = replace(
    typescript.LANGUAGE,
    name="tsx",
    grammar=("tree_sitter_typescript", "language_tsx"),
    extensions=(".tsx",),
    interpreters=(),
    other_names=(),
)
