"""Search time and exactness: ours against an exhaustive scan, FTS5 and tantivy, in one run.

Real files of work trees are indexed until there are as many syntax chunks as wanted. The queries are cursors drawn in
those files, the same for all engines, asked in turns on warm connections; each times the best ten of all chunks. Ours
is held against the scan, score by score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from repocomp.bench.report import facts_of
from repocomp.bench.search.engines import Fts5, Table, Tantivy, Top
from repocomp.errors import BenchError
from repocomp.evaluate.holes import is_source
from repocomp.index.build import build_from, readable
from repocomp.index.vectors import encode_at
from repocomp.languages.table import language_of
from repocomp.model.encoder import ASKED_LINES, Encoder, shipped_encoder
from repocomp.model.library import load_pack
from repocomp.progress import OnProgress, Progress
from repocomp.retrieve.arms.bm25 import Bm25, term_weights
from repocomp.retrieve.arms.dense import nearest
from repocomp.retrieve.arms.jaccard import Jaccard
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind
from repocomp.terms import words

TOP = 10
_FILES_AT_ONCE = 200
_WARM_UP = 10
_SAME = 1e-5
_WINDOW = 20
_FAR = (10**9, 10**9)


@dataclass(frozen=True, slots=True)
class Row:
    """One engine on `chunks` chunks: milliseconds of a clock, and at the median those of a processor.

    Other work on the machine lengthens only the former. `exact` is the share of the scan's ten best scores that ours
    has; for vectors the scan is in 32-bit floats.
    """

    what: str
    engine: str
    chunks: int
    p50: float
    p95: float
    cpu_p50: float
    exact: float | None = None


@dataclass(frozen=True, slots=True)
class SearchReport:
    """All rows; `facts` say what was searched and on which machine."""

    facts: dict[str, Any]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Engine:
    """What is timed: a search for a query, of `what`; `reference` names the engine whose scores it must have."""

    what: str
    name: str
    chunks: int
    search: Callable[[Query], Any]
    reference: str | None = None


def bench_search(
    roots: Sequence[Path], sizes: Sequence[int], queries: int, seed: int, show: OnProgress
) -> SearchReport:
    """Measure at each size, the smallest first. Raises BenchError where the trees hold nothing to search."""
    rows: list[Row] = []
    encoder = shipped_encoder()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        sources = (file for root in roots for file in readable(root) if is_source(file[0]))
        for size in sorted(sizes):
            held = _grow(path, sources, size, show)
            if encoder is not None:
                encode_at(path, encoder, show)
            rows.extend(_measure(path, encoder, queries, seed, show))
            if held < size:
                break
    facts = {
        **facts_of("search", load_pack("default"), seed, queries),
        "trees": [root.name for root in roots],
        "tantivy": "measured" if Tantivy.is_installed() else "not installed",
    }
    return SearchReport(facts, tuple(rows))


def _grow(path: Path, sources: Iterator[tuple[str, bytes]], wanted: int, show: OnProgress) -> int:
    """Index files until there are `wanted` syntax chunks or no more files; returns how many there are."""
    while (held := _count(path)) < wanted:
        some = list(islice(sources, _FILES_AT_ONCE))
        if not some:
            break
        # Files of several trees may have one path; the index holds what stands under it.
        build_from(path, [(f"{held}/{name}", data) for name, data in some])
        show(Progress(min(_count(path), wanted), wanted, "indexing"))
    if not held:
        raise BenchError("the work trees hold no source files", "name other work trees")
    return held


def _count(path: Path) -> int:
    if not path.exists():
        return 0
    with IndexReader.open_at(path) as reader:
        return sum(len(segment.chunks) for segment in reader.segments.all(ChunkKind.SYNTAX))


def _measure(path: Path, encoder: Encoder | None, count: int, seed: int, show: OnProgress) -> Iterator[Row]:
    """Time every engine, one kind of search after the other, so that they need not all be in memory at once."""
    with IndexReader.open_at(path) as reader, TemporaryDirectory() as folder:
        queries = list(_queries(reader, count + _WARM_UP, np.random.default_rng(seed)))
        show(Progress(0, 3, "searching"))
        yield from _timed(_bm25(path, reader, Path(folder)), queries)
        show(Progress(1, 3, "searching"))
        yield from _timed(_jaccard(path, reader), queries)
        show(Progress(2, 3, "searching"))
        if encoder is not None:
            yield from _timed(_vectors(reader, encoder), queries)


def _queries(reader: IndexReader, count: int, rng: np.random.Generator) -> Iterator[Query]:
    """Cursors at the ends of random lines that have words before them."""
    files = reader.files.all()
    while count:
        row = files[int(rng.integers(len(files)))]
        lines = reader.contents.lines(row.content_id)
        at = int(rng.integers(len(lines)))
        prefix, suffix = "\n".join(lines[: at + 1]), "\n".join(lines[at + 1 :])
        query = Query(row.path, language_of(row.path), prefix, "\n" + suffix, _FAR)
        if term_weights(query) and words(query.last_lines(_WINDOW)):
            count -= 1
            yield query


def _bm25(path: Path, reader: IndexReader, folder: Path) -> list[_Engine]:
    table = Table.of(path, ChunkKind.SYNTAX)
    size = len(table.chunks)
    arm = Bm25()
    engines = [
        _Engine("bm25", "ours", size, _in_one_state(reader, lambda query: arm.scored(reader, query, TOP)), "scan"),
        _Engine("bm25", "ours, with the text", size, _in_one_state(reader, lambda query: arm.draw(reader, query, TOP))),
        _Engine("bm25", "scan", size, lambda query: table.bm25(term_weights(query), TOP)),
    ]
    fts5 = Fts5(folder / "fts5.db", table)
    engines.append(_Engine("bm25", "FTS5", size, lambda query: fts5.search(list(term_weights(query)), TOP)))
    if Tantivy.is_installed():
        tantivy = Tantivy(folder / "tantivy", table)
        engines.append(_Engine("bm25", "tantivy", size, lambda query: tantivy.search(list(term_weights(query)), TOP)))
    return engines


def _jaccard(path: Path, reader: IndexReader) -> list[_Engine]:
    table = Table.of(path, ChunkKind.WINDOW_20)
    size = len(table.chunks)
    arm = Jaccard()
    drawn = _in_one_state(reader, lambda query: arm.draw(reader, query, TOP))
    return [
        _Engine("jaccard", "ours", size, _in_one_state(reader, lambda query: arm.scored(reader, query, TOP)), "scan"),
        _Engine("jaccard", "ours, with the text", size, drawn),
        _Engine(
            "jaccard", "scan", size, lambda query: table.jaccard(sorted(set(words(query.last_lines(_WINDOW)))), TOP)
        ),
    ]


def _vectors(reader: IndexReader, encoder: Encoder) -> list[_Engine]:
    """The question's vector is made beforehand, and timed apart: a scan of 8-bit rows, and one of floats."""
    rows = np.concatenate([own.levels * own.scales[:, None] for own in reader.segments.vectors()])
    chunks = np.concatenate([segment.chunks for segment in reader.segments.all(ChunkKind.ENCODED)])
    asked: dict[Query, np.ndarray[Any, np.dtype[np.float32]]] = {}

    def encode(query: Query) -> None:
        asked[query] = encoder.encode_question(query.last_lines(ASKED_LINES)).dense[0]

    def scan(query: Query) -> Top:
        scores = rows @ asked[query]
        best = np.argpartition(-scores, min(TOP, len(scores) - 1))[:TOP]
        return sorted(((float(scores[at]), int(chunks[at])) for at in best), reverse=True)

    size = len(chunks)
    return [
        _Engine("vectors", "encode the question", size, encode),
        _Engine(
            "vectors", "ours", size, _in_one_state(reader, lambda query: nearest(reader, asked[query], TOP)), "scan"
        ),
        _Engine("vectors", "scan", size, scan),
    ]


def _in_one_state(reader: IndexReader, search: Callable[[Query], Any]) -> Callable[[Query], Any]:
    """As retrieval asks its arms: the index is looked at for changes once."""

    def asked(query: Query) -> Any:  # noqa: ANN401  (what the search finds)
        with reader.snapshot():
            return search(query)

    return asked


def _timed(engines: Sequence[_Engine], queries: Sequence[Query]) -> Iterator[Row]:
    spent: dict[str, list[tuple[float, float]]] = {engine.name: [] for engine in engines}
    found: dict[str, list[Any]] = {engine.name: [] for engine in engines}
    for query in queries:
        for engine in engines:
            started, busy = time.perf_counter(), time.thread_time()
            found[engine.name].append(engine.search(query))
            spent[engine.name].append((time.perf_counter() - started, time.thread_time() - busy))
    for engine in engines:
        exact = None
        if engine.reference is not None:
            exact = agreement(found[engine.name], found[engine.reference])
        walls, busy = 1000 * np.array(spent[engine.name][_WARM_UP:]).T
        p50, p95, own = (round(float(ms), 3) for ms in (*np.percentile(walls, [50, 95]), np.median(busy)))
        yield Row(engine.what, engine.name, engine.chunks, p50, p95, own, exact)


def agreement(ours: Sequence[Top], reference: Sequence[Top]) -> float:
    """The share of the reference's best scores that ours has in the same ranks; chunks of equal score may differ."""
    total = same = 0
    for own, other in zip(ours, reference, strict=True):
        scores = sorted((score for score, _ in own), reverse=True)
        total += len(other)
        same += sum(abs(a - b) <= _SAME * max(1.0, b) for a, (b, _) in zip(scores, other, strict=False))
    return round(same / max(1, total), 4)
