"""Structured search: the definitions that the cursor's place asks for, looked up by name in the symbol table.

Names are resolved through the file's imports to the files that define them. Answers are compact, because what a caller
needs to see is how a thing is used: a function is its class's header, its signature and its first lines, a class or a
module the lines that declare its members and fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from repocomp.languages.language import CONTAINERS
from repocomp.retrieve.arms.lexical import overlaps
from repocomp.retrieve.hit import Hit, best_path, shared_folders
from repocomp.retrieve.outline import Line, class_lines, file_lines, first_lines, out_of_sight
from repocomp.retrieve.query import Query
from repocomp.retrieve.resolve import Binding, bindings
from repocomp.retrieve.understand import Asked, Understanding, understand
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Symbol

_MAX_NAMES = 80
_MAX_PER_NAME = 4
_COMMON = 30
"""A name defined this often (`get`, `__init__`) says nothing by itself."""
_BODY_LINES = 10
_DIRECT, _MODULE, _AROUND, _FILE = 0.95, 0.9, 0.55, 0.45
"""What an outline weighs: of the class before the dot, of a module, of the class and of the file around the cursor."""
_LEAST_PARTIAL, _BEGUN = 3, 12
_RETURNS = re.compile(r"(?:->|\)\s*:)\s*[\"']?(?:[\w.]*\[)?[\"']?(?:\w+\.)*([A-Z]\w+)|^func[^{]*\)\s*\(?\*?([A-Z]\w+)")


@dataclass(frozen=True, slots=True)
class Structured:
    """Definitions by constraint: name, owner, module, and nearness of the file."""

    name: str = "structured"

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """Definitions asked for most directly first."""
        search = _Search(reader, query, understand(query), bindings(reader, query))
        found: dict[tuple[int, int], _Answer] = {}
        for answer in (*search.named(), *search.outlines()):
            key = (answer.content_id, answer.start_line)
            if key not in found or answer.score > found[key].score:
                found[key] = answer
        ordered = sorted(found.values(), key=lambda answer: (-answer.score, answer.path, answer.start_line))
        return [answer.hit(self.name) for answer in ordered[:top_k]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """A hit to be; `lines` are read only when it is among the best."""

    content_id: int
    path: str
    start_line: int
    score: float
    lines: Callable[[], Sequence[Line]]

    def hit(self, arm: str) -> Hit:
        lines = self.lines()
        text = "\n".join(line for _, line in lines)
        return Hit(self.content_id, self.path, lines[0][0], lines[-1][0], self.score, arm, text)


@dataclass(frozen=True, slots=True)
class _Search:
    """One query, understood."""

    reader: IndexReader
    query: Query
    understood: Understanding
    bound: Sequence[Binding]

    def named(self) -> Iterator[_Answer]:
        """The definitions of the names that are asked for, and of names that the partial word may become."""
        asked = [*self._begun(), *self._receivers(), *self.understood.asked[:_MAX_NAMES]]
        symbols: dict[str, list[Symbol]] = {}
        for symbol in self.reader.symbols.definitions([item.name for item in asked]):
            symbols.setdefault(symbol.name, []).append(symbol)
        imported = frozenset(path for binding in self.bound for path in binding.paths)
        for item in asked:
            yield from self._hits(item, symbols.get(item.name, []), imported)

    def outlines(self) -> Iterator[_Answer]:
        """What is declared around the cursor out of sight, and in the module it reaches into."""
        query, understood = self.query, self.understood
        for binding in self.bound:
            wanted = binding.alias == understood.receiver or (
                understood.module is not None and binding.paths and understood.module.endswith(binding.alias)
            )
            if wanted and binding.name is None or understood.place == "import" and wanted:
                yield from self._modules(binding.paths[:2], _MODULE)
        own = self.reader.files.content_of(query.path)
        if own is None:
            return
        for symbol in self.reader.symbols.of(own):
            if symbol.name == understood.enclosing and symbol.kind in CONTAINERS:
                for part in out_of_sight(class_lines(self.reader, symbol), query.visible):
                    yield _outline(own, query.path, part, _DIRECT if understood.on_self else _AROUND)
        for part in out_of_sight(file_lines(self.reader, own), query.visible):
            yield _outline(own, query.path, part, _FILE)

    def _modules(self, paths: Sequence[str], score: float) -> Iterator[_Answer]:
        for path, content_id in self.reader.files.contents_of(paths).items():
            lines = first_lines(file_lines(self.reader, content_id))
            if lines and path != self.query.path:
                yield _outline(content_id, path, lines, score)

    def _begun(self) -> Iterable[Asked]:
        partial = self.understood.partial
        if len(partial) < _LEAST_PARTIAL or self.understood.place == "definition":
            return
        for name in self.reader.symbols.names_from(partial, _BEGUN):
            yield Asked(name, 0.65 + 0.3 * len(partial) / len(name))

    def _receivers(self) -> Iterable[Asked]:
        """The class that the function which made the receiver says it returns."""
        if self.understood.maker is not None:
            for symbol in self.reader.symbols.definitions([self.understood.maker])[:_MAX_PER_NAME]:
                match = _RETURNS.search(symbol.signature)
                if match:
                    yield Asked(match[1] or match[2], 0.85)

    def _hits(self, item: Asked, symbols: Sequence[Symbol], imported: frozenset[str]) -> Iterator[_Answer]:
        if len(symbols) > _COMMON and item.owner is None:
            return
        placed = [
            (path, s) for s in symbols if (path := best_path(self.reader.files.paths_of(s.content_id), self.query))
        ]
        scored = sorted(
            ((self._score(item, symbol, path, imported), path, symbol) for path, symbol in placed),
            key=lambda entry: (-entry[0], entry[1], entry[2].start_line),
        )
        for score, path, symbol in scored[:_MAX_PER_NAME]:
            if path != self.query.path or not overlaps(symbol.start_line, symbol.start_line, self.query.visible):
                lines = partial(_shown, self.reader, symbol)
                yield _Answer(symbol.content_id, path, symbol.start_line, score, lines)

    def _score(self, item: Asked, symbol: Symbol, path: str, imported: frozenset[str]) -> float:
        """The name's weight, raised where its owner fits, its module is imported, or its file is near."""
        score = item.weight
        if item.owner is not None:
            score += 0.5 if symbol.parent == item.owner else -0.2
        if path in imported:
            score += 0.3
        depth = max(1, self.query.path.count("/"))
        return score + 0.1 * shared_folders(path, self.query.path) / depth


def _outline(content_id: int, path: str, lines: Sequence[Line], score: float) -> _Answer:
    return _Answer(content_id, path, lines[0][0], score, lambda: lines)


def _shown(reader: IndexReader, symbol: Symbol) -> list[Line]:
    """The lines that stand for a definition."""
    if symbol.kind in CONTAINERS:
        return first_lines(class_lines(reader, symbol))
    lines = reader.contents.lines(symbol.content_id)
    last = min(symbol.end_line, symbol.start_line + _BODY_LINES)
    return [(number, lines[number - 1]) for number in range(symbol.start_line, last + 1) if number <= len(lines)]
