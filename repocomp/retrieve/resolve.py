"""From an import to the files it names, by looking up the few paths where such a module may lie.

A module's path is tried below the root, below the usual source folders and below every folder above the query's file,
so nothing has to be configured; what is not indexed (the standard library, dependencies) resolves to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from repocomp.languages.language import Language
from repocomp.languages.table import language
from repocomp.lru import LruCache
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader

_SOURCE_FOLDERS = ("", "src/", "lib/", "include/", "app/")
_MOST_IMPORTS = 60
_PACKAGE_FILES = 30
_ASKED = 8
"""Queries whose bindings are kept."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A name that the query's file brings in: `name` of a module (None: the module), known as `alias`.

    `paths` are the module's files in the index, the likeliest first; none for a module from outside.
    """

    alias: str
    name: str | None
    paths: tuple[str, ...]


def bindings(reader: IndexReader, query: Query) -> list[Binding]:
    """What the file as it is being written imports, in order."""
    return reader.cached("bindings", _last_queries).get_or(query, lambda: _bindings(reader, query))


# Several arms and the ranker ask about the same query, one after the other.
def _last_queries() -> LruCache[Query, list[Binding]]:
    return LruCache(_ASKED)


def _bindings(reader: IndexReader, query: Query) -> list[Binding]:
    known = language(query.language)
    if known is None:
        return []
    found = list(dict.fromkeys(known.imports(query.above + query.prefix)))[:_MOST_IMPORTS]
    candidates = [_candidates(module, name, query.path, known) for module, name, _ in found]
    held = reader.files.contents_of([path for paths in candidates for path in paths])
    modules = [module for module, _, _ in found]
    packages = _packages(reader, modules, known) if known.modules_are_folders else {}
    return [
        Binding(alias, name, (*(path for path in paths if path in held), *packages.get(module, ())))
        for (module, name, alias), paths in zip(found, candidates, strict=True)
    ]


# While somebody types, the imports of a file stay the same.
@lru_cache(maxsize=1024)
def _candidates(module: str, name: str | None, here: str, language: Language) -> tuple[str, ...]:
    """Where the module may lie that is imported in the file `here`, likeliest first."""
    return tuple(dict.fromkeys(path for path in _each_candidate(module, name, here, language) if path != here))


def _each_candidate(module: str, name: str | None, importer: str, language: Language) -> Iterator[str]:
    here = importer.rpartition("/")[0]
    path = _as_path(module, language)
    dots = len(module) - len(module.lstrip(".")) if language.dots_climb else 0
    if dots:
        base = "/".join(here.split("/")[: len(here.split("/")) - dots + 1]) if here else ""
        bases: Sequence[str] = [f"{base}/" if base else ""]
    elif module.startswith("."):
        path = _normal(f"{here}/{module}")
        bases = [""]
    else:
        bases = [*_above(here), *_SOURCE_FOLDERS]
    stems = [path] if name is None else [f"{path}/{name}".lstrip("/"), path]
    if language.modules_hold_items:
        stems.append(path.rpartition("/")[0])
    for stem in stems:
        for base in bases:
            for form in language.module_files:
                full = (base + form.format(stem)).replace("//", "/").lstrip("/")
                if full:
                    yield full


def _as_path(module: str, language: Language) -> str:
    for root in language.module_roots:
        module = module.removeprefix(root)
    if language.module_separator == ".":
        module = module.lstrip(".")
    return module.replace(language.module_separator, "/")


def _normal(path: str) -> str:
    """`path` with "." and ".." worked out; what leads out of the root is cut off."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept)


def _above(folder: str) -> list[str]:
    """`folder` and all folders above it but the root, each with "/" at its end."""
    parts = folder.split("/") if folder else []
    return ["/".join(parts[:count]) + "/" for count in range(len(parts), 0, -1)]


def _packages(reader: IndexReader, modules: Sequence[str], language: Language) -> dict[str, tuple[str, ...]]:
    """For languages whose modules are folders: their files, found by the longest end of the module's path."""
    found: dict[str, tuple[str, ...]] = {}
    for module in dict.fromkeys(modules):
        parts = _as_path(module, language).split("/")
        for start in range(len(parts)):
            folder = "/".join(parts[start:]) + "/"
            inside = [path for path in reader.files.below(folder, _PACKAGE_FILES) if "/" not in path[len(folder) :]]
            if inside:
                found[module] = tuple(inside)
                break
    return found
