"""The languages we know, a file of this room each, and how to find the one that is wanted. Anything else is `text`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from repocomp.languages.language import TEXT, Language

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Parser

_FILES = (
    "python",
    "javascript",
    "typescript",
    "tsx",
    "java",
    "go",
    "rust",
    "c",
    "cpp",
    "c_sharp",
    "ruby",
    "php",
    "bash",
)


def _stated(file: str) -> Language:
    found: Language = import_module(f"repocomp.languages.{file}").LANGUAGE
    return found


LANGUAGES = tuple(map(_stated, _FILES))

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
    """The reserved words of a language; none for `text`."""
    known = _BY_NAME.get(name)
    if known is None:
        return frozenset()
    return known.reserved if known.reserved is not None else frozenset(_spelled_out(grammar(known)))


def _spelled_out(grammar: Grammar) -> set[str]:
    """The words that stand in the rules of a grammar as they are."""
    kinds = (number for number in range(grammar.node_kind_count) if not grammar.node_kind_is_named(number))
    return {word for number in kinds if (word := grammar.node_kind_for_id(number) or "").isalpha()}


@cache
def parser(name: str) -> Parser | None:
    """The tree-sitter parser of a language, or None for `text`. One per process."""
    known = _BY_NAME.get(name)
    if known is None:
        return None
    from tree_sitter import Parser

    return Parser(grammar(known))


@cache
def grammar(language: Language) -> Grammar:
    """The tree-sitter grammar of a language, loaded at the first call."""
    from tree_sitter import Language as Grammar

    module, function = language.grammar
    load: Callable[[], object] = getattr(import_module(module), function)
    return Grammar(load())


def query_source(language: Language) -> str:
    """The text of the tree-sitter query of a language."""
    files = (Path(__file__).with_name(f"{name}.scm") for name in language.query)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
