"""Structured search: the definitions that the cursor's place asks for, looked up by name in the symbol table.

Answers are compact: a function's signature with its docstring and first lines, a class as its header and the
signatures of its members, because what a caller needs to see is how a thing is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repocomp.retrieve.arms.base import Hit, best_path, shared_folders
from repocomp.retrieve.query import Query
from repocomp.retrieve.understand import Asked, understand
from repocomp.store.reader import IndexReader
from repocomp.store.rows import Symbol

_MAX_NAMES = 40
_MAX_PER_NAME = 4
_COMMON = 30
"""A name defined this often (`get`, `__init__`) says nothing by itself."""
_BODY_LINES = 10
_MEMBERS = 16
_CONTAINERS = frozenset({"class", "interface", "struct", "enum", "trait", "module", "impl", "namespace", "record"})


@dataclass(frozen=True, slots=True)
class Structured:
    """Definitions by constraint: name, owner, and nearness of the file."""

    name: str = "structured"

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """Definitions asked for most directly first."""
        understood = understand(query)
        asked = understood.asked[:_MAX_NAMES]
        symbols: dict[str, list[Symbol]] = {}
        for symbol in reader.definitions([item.name for item in asked]):
            symbols.setdefault(symbol.name, []).append(symbol)
        imported = _imported_paths(reader, query)
        found: dict[tuple[int, int], Hit] = {}
        for item in asked:
            for hit in self._hits(reader, query, item, symbols.get(item.name, []), imported):
                key = (hit.content_id, hit.start_line)
                if key not in found or hit.score > found[key].score:
                    found[key] = hit
        ordered = sorted(found.values(), key=lambda hit: (-hit.score, hit.path, hit.start_line))
        return ordered[:top_k]

    def _hits(
        self, reader: IndexReader, query: Query, item: Asked, symbols: Sequence[Symbol], imported: frozenset[str]
    ) -> Iterator[Hit]:
        if len(symbols) > _COMMON and item.owner is None:
            return
        placed = [(path, s) for s in symbols if (path := best_path(reader.paths_of(s.content_id), query))]
        scored = sorted(
            ((_score(item, symbol, path, query, imported), path, symbol) for path, symbol in placed),
            key=lambda entry: (-entry[0], entry[1], entry[2].start_line),
        )
        for score, path, symbol in scored[:_MAX_PER_NAME]:
            if path == query.path and _is_visible(symbol, query.visible):
                continue
            text, last = _render(reader, symbol)
            yield Hit(symbol.content_id, path, symbol.start_line, last, score, self.name, text)


def _score(item: Asked, symbol: Symbol, path: str, query: Query, imported: frozenset[str]) -> float:
    """The name's weight, raised where its owner fits, its module is imported, or its file is near."""
    score = item.weight
    if item.owner is not None:
        score += 0.5 if symbol.parent == item.owner else -0.2
    if _module(path) & imported:
        score += 0.3
    depth = max(1, query.path.count("/"))
    return score + 0.1 * shared_folders(path, query.path) / depth


def _imported_paths(reader: IndexReader, query: Query) -> frozenset[str]:
    """Last parts of the modules that the query's file imports, as it was indexed."""
    content = reader.content_of(query.path)
    if content is None:
        return frozenset()
    modules = (found.module for found in reader.imports_of(content))
    tails = (module.replace("\\", "/").replace("::", "/").replace(".", "/").rstrip("/") for module in modules)
    names = (found.name for found in reader.imports_of(content) if found.name)
    return frozenset({tail.rsplit("/", 1)[-1] for tail in tails if tail} | set(names))


def _module(path: str) -> frozenset[str]:
    """The names a file may be imported by: its stem, and its folder's for a package's own file."""
    folder, _, name = path.rpartition("/")
    stem = name.split(".")[0]
    return frozenset({stem, folder.rsplit("/", 1)[-1]} if stem in ("__init__", "index", "mod") else {stem})


def _is_visible(symbol: Symbol, visible: tuple[int, int]) -> bool:
    return visible[0] <= symbol.start_line <= visible[1]


def _render(reader: IndexReader, symbol: Symbol) -> tuple[str, int]:
    """The compact text of a definition, and the last line it shows."""
    lines = reader.lines(symbol.content_id)
    if symbol.kind not in _CONTAINERS:
        last = min(symbol.end_line, symbol.start_line + _BODY_LINES)
        return "\n".join(lines[symbol.start_line - 1 : last]), last
    members = [
        member
        for member in reader.symbols_of(symbol.content_id)
        if symbol.start_line < member.start_line <= symbol.end_line and member.parent == symbol.name
    ][:_MEMBERS]
    header = [lines[symbol.start_line - 1]]
    if symbol.doc:
        header.append(f"    {symbol.doc}")
    shown = [lines[member.start_line - 1] for member in members]
    if not shown:
        last = min(symbol.end_line, symbol.start_line + _BODY_LINES)
        return "\n".join(lines[symbol.start_line - 1 : last]), last
    return "\n".join([*header, *shown]), symbol.end_line
