"""Which file a client is in: many send text without a name. The indexes know the lines, and so the repository.

In this order: the path that is told; the names of other files that are sent along; the lines around the cursor, looked
up in the indexes that are there. What of the file the client left out is then read from the disk.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from repocomp.errors import RepocompError
from repocomp.lru import LruCache
from repocomp.store.index.connect import root_of
from repocomp.store.index.reader import IndexReader
from repocomp.store.paths import index_paths
from repocomp.tree import read

_MOST_INDEXES, _KEPT = 16, 32
_LINES, _LONG, _NAMES, _CONTENTS = 40, 12, 12, 5
_SHARE, _FEWEST = 0.5, 3
"""Of the lines around a cursor so many stand in the file that they are from: others were written since it was saved."""
_EDGE_LINES = 3
_MOST_BYTES = 1 << 20
_IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")
_UNNAMED = "buffer"


@dataclass(frozen=True, slots=True)
class Around:
    """A buffer, as far as it is known: its file, the text before the cursor and that behind it."""

    path: Path
    left: str
    right: str


class Finder:
    """Finds files by what is told of them. For one thread."""

    def __init__(self) -> None:
        self._known: LruCache[tuple[Path, str], tuple[Path, str, frozenset[str]]] = LruCache(_KEPT)

    def find(self, left: str, right: str, told: str | None, names: Sequence[str]) -> Around:
        """The file with the cursor between `left` and `right`; one of no name, in no repository, where none is found.

        `told` is its path as the client tells it, `names` those of other files that it sent.
        """
        if told is not None and os.path.isabs(told):
            return _completed(Path(told), left, right)
        roots = _roots()
        likely = [root for root in roots if _holds(root, names)]
        if told is not None:
            inside = next((root for root in likely or roots if _is_file(root / told)), None)
            if inside is not None:
                return _completed(inside / told, left, right)
        found = self._by_lines(likely or roots, _lines(left, right))
        if found is not None:
            return _completed(found, left, right)
        name = PurePosixPath(told or names[-1] if told or names else "").suffix
        folder = likely[0] if likely else Path(os.sep)
        return Around(folder / f"{_UNNAMED}{name}", left, right)

    def _by_lines(self, roots: Sequence[Path], lines: frozenset[str]) -> Path | None:
        if len(lines) < _FEWEST:
            return None
        for root, path, known in reversed(self._known.values()):
            if root in roots and _is_from(lines, known):
                return root / path
        for root in roots:
            with suppress(RepocompError, OSError):
                reader = IndexReader.open(root)
                if reader is None:
                    continue
                with reader:
                    found = _file_of(reader, lines)
                if found is not None:
                    self._known.put((root, found[0]), (root, *found))
                    return root / found[0]
        return None


def _roots() -> list[Path]:
    """The work trees that have an index, the one indexed last first."""
    with suppress(OSError):
        newest = sorted(index_paths(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return [root for path in newest[:_MOST_INDEXES] if (root := root_of(path)) is not None and root.is_dir()]
    return []


def _holds(root: Path, names: Sequence[str]) -> bool:
    """Whether the files that were sent along lie in a work tree: most of those that name a file at all."""
    inside = [_is_file(root / name) and (root / name).is_relative_to(root) for name in names if name]
    return bool(inside) and sum(inside) * 2 > len(inside)


def _is_file(path: Path) -> bool:
    """Whether there is such a file; there is none of a name that no file can have."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def _lines(left: str, right: str) -> frozenset[str]:
    """The lines that tell a file, nearest the cursor; its own line is being written."""
    before, after = left.split("\n")[:-1], right.split("\n")[1:]
    told = [*before[-_LINES:], *after[:_LINES]]
    return frozenset(line.strip() for line in told if len(line.strip()) >= _LONG)


def _file_of(reader: IndexReader, lines: frozenset[str]) -> tuple[str, frozenset[str]] | None:
    """The indexed file that most of `lines` are from, and all of its lines."""
    names = {name for line in lines for name in _IDENTIFIER.findall(line)}
    frequency = reader.symbols.document_frequency(sorted(names))
    rarest = sorted(frequency, key=lambda name: (frequency[name], name))[:_NAMES]
    uses = reader.symbols.references(rarest)
    votes = Counter(content for places in uses.values() for content in {content for content, _ in places})
    best: tuple[int, str, frozenset[str]] | None = None
    for content, _ in votes.most_common(_CONTENTS):
        known = frozenset(line.strip() for line in reader.contents.lines(content))
        shared, paths = len(lines & known), reader.files.paths_of(content)
        if paths and _is_from(lines, known) and (best is None or shared > best[0]):
            best = shared, paths[0], known
    return None if best is None else best[1:]


def _is_from(lines: frozenset[str], known: Iterable[str]) -> bool:
    shared = len(lines.intersection(known))
    return shared >= _FEWEST and shared >= _SHARE * len(lines)


def _completed(path: Path, left: str, right: str) -> Around:
    """The buffer with what the client left out of its file: above the first lines that it sent, and below the last."""
    try:
        text = read(path.parent, path.name, _MOST_BYTES).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, ValueError):
        return Around(path, left, right)
    first, last = left.split("\n")[:-1][:_EDGE_LINES], right.split("\n")[1:][-_EDGE_LINES:]
    top = _only("\n".join(first) + "\n", text) if len(first) == _EDGE_LINES else 0
    tail = "\n".join(last)
    bottom = _only(tail, text) + len(tail) if len(last) == _EDGE_LINES and tail.strip() else len(text)
    return Around(path, text[: max(0, top)] + left, right + (text[bottom:] if bottom >= len(tail) else ""))


def _only(part: str, text: str) -> int:
    """Where `part`, which begins a line, stands in `text`; -1 where it stands in several places, or in none."""
    at = text.find(part)
    is_alone = at >= 0 and text.find(part, at + 1) < 0
    return at if is_alone and (at == 0 or text[at - 1] == "\n") else -1
