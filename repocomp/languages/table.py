"""The languages we know: their file names, comment leaders and grammars. Anything else is `text`.

A grammar is a wheel of its own, imported when the first file of its language is parsed.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser

TEXT = "text"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: `grammar` is (module, function) of its tree-sitter wheel."""

    name: str
    extensions: tuple[str, ...]
    grammar: tuple[str, str]
    file_names: tuple[str, ...] = ()


LANGUAGES = (
    Language("python", (".py", ".pyi", ".pyw"), ("tree_sitter_python", "language"), ("SConstruct", "wscript")),
    Language("javascript", (".js", ".jsx", ".mjs", ".cjs"), ("tree_sitter_javascript", "language")),
    Language("typescript", (".ts", ".mts", ".cts"), ("tree_sitter_typescript", "language_typescript")),
    Language("tsx", (".tsx",), ("tree_sitter_typescript", "language_tsx")),
    Language("java", (".java",), ("tree_sitter_java", "language")),
    Language("go", (".go",), ("tree_sitter_go", "language")),
    Language("rust", (".rs",), ("tree_sitter_rust", "language")),
    Language("c", (".c", ".h"), ("tree_sitter_c", "language")),
    Language("cpp", (".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx"), ("tree_sitter_cpp", "language")),
    Language("c_sharp", (".cs",), ("tree_sitter_c_sharp", "language")),
    Language("ruby", (".rb", ".rake"), ("tree_sitter_ruby", "language"), ("Rakefile", "Gemfile")),
    Language("php", (".php",), ("tree_sitter_php", "language_php")),
    Language("bash", (".sh", ".bash", ".bats"), ("tree_sitter_bash", "language"), (".bashrc", ".profile")),
)

_BY_NAME = {language.name: language for language in LANGUAGES}
_BY_EXTENSION = {extension: language.name for language in LANGUAGES for extension in language.extensions}
_BY_FILE_NAME = {name: language.name for language in LANGUAGES for name in language.file_names}


def language_of(path: str) -> str:
    """The language of a file by its name; `text` for any other."""
    pure = PurePosixPath(path)
    return _BY_FILE_NAME.get(pure.name) or _BY_EXTENSION.get(pure.suffix.lower(), TEXT)


def language(name: str) -> Language | None:
    """The language called `name`, or None for `text`."""
    return _BY_NAME.get(name)


@cache
def keywords(name: str) -> frozenset[str]:
    """The reserved words of a language; none for `text`. Python's own list, else what its grammar spells out."""
    if name == "python":
        return frozenset(keyword.kwlist)
    known = parser(name)
    grammar = known.language if known is not None else None
    if grammar is None:
        return frozenset()
    kinds = (number for number in range(grammar.node_kind_count) if not grammar.node_kind_is_named(number))
    return frozenset(word for number in kinds if (word := grammar.node_kind_for_id(number) or "").isalpha())


@cache
def parser(name: str) -> Parser | None:
    """The tree-sitter parser of a language, or None where there is no grammar. One per process."""
    known = _BY_NAME.get(name)
    if known is None:
        return None
    from tree_sitter import Language as Grammar
    from tree_sitter import Parser

    module, function = known.grammar
    load: Callable[[], object] = getattr(import_module(module), function)
    return Parser(Grammar(load()))
