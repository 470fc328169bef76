"""The languages we know, a file of this room each, and how to find the one that is wanted. Anything else is `text`."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
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
    "kotlin",
    "swift",
    "scala",
    "lua",
    "elixir",
    "haskell",
    "sql",
    "hcl",
    "dart",
    "yaml",
    "toml",
)


def _stated(file: str) -> Language:
    found: Language = import_module(f"repocomp.languages.{file}").LANGUAGE
    return found


LANGUAGES = tuple(map(_stated, _FILES))

_BY_NAME = {language.name: language for language in LANGUAGES}
_BY_EXTENSION = {extension: language.name for language in LANGUAGES for extension in language.extensions}
_BY_FILE_NAME = {name: language.name for language in LANGUAGES for name in language.file_names}
_BY_INTERPRETER = {program: language.name for language in LANGUAGES for program in language.interpreters}
_BY_OTHER_NAME = {name: language.name for language in LANGUAGES for name in language.other_names}
_CLAIMS = [(extension, test, language.name) for language in LANGUAGES for extension, test in language.claims]
_HEAD_BYTES, _SHEBANG_BYTES = 1 << 14, 256
_VERSION = re.compile(r"[\d.]+$")
_SHEBANG = re.compile(r"#![ \t]*(\S+)([^\n]*)")


def language_of(path: str) -> str:
    """The language of a file by its name; `text` for any other."""
    pure = PurePosixPath(path)
    return _BY_FILE_NAME.get(pure.name) or _BY_EXTENSION.get(pure.suffix.lower(), TEXT)


def language_by_content(path: str, data: bytes) -> str:
    """The language of a file by its name and, where names do not tell, by the start of its content."""
    suffix = PurePosixPath(path).suffix.lower()
    data = data.removeprefix(BOM_UTF8)
    for extension, is_ours, name in _CLAIMS:
        if suffix == extension and is_ours(data[:_HEAD_BYTES].decode(errors="ignore")):
            return name
    by_name = language_of(path)
    if by_name == TEXT and data.startswith(b"#!"):
        return _BY_INTERPRETER.get(_interpreter(data[:_SHEBANG_BYTES].decode(errors="ignore")), TEXT)
    return by_name


def language_called(name: str) -> str:
    """The language that others call `name`, such as "Python3", "c++17" or "ts"; `text` for one that we do not know."""
    plain = _VERSION.sub("", name.strip().lower())
    return plain if plain in _BY_NAME else _BY_OTHER_NAME.get(plain, TEXT)


def _interpreter(text: str) -> str:
    """The program that a first line such as `#!/usr/bin/env -S python3 -u` names, without its version."""
    match = _SHEBANG.match(text)
    if match is None:
        return ""
    program = match[1].rsplit("/", 1)[-1]
    if program == "env":
        words = (word for word in match[2].split() if not word.startswith("-") and "=" not in word)
        program = next(words, "").rsplit("/", 1)[-1]
    return _VERSION.sub("", program)


def language(name: str) -> Language | None:
    """The language called `name`, or None for `text`."""
    return _BY_NAME.get(name)


def stated(name: str, fact: Callable[[Language], tuple[str, ...]]) -> tuple[str, ...]:
    """The words that a language states; for `text`, where code of any may stand, those that some language does."""
    known = _BY_NAME.get(name)
    return fact(known) if known is not None else tuple({word: None for each in LANGUAGES for word in fact(each)})


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
