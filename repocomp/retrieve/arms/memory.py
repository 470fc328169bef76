"""What helped before at places like this one: chunks by the keys of a query, predicted first, then learned.

Keys are the names that the cursor's place asks for, pairs of neighbouring identifiers, and the function that is being
written. A chunk's keys are predicted when it is indexed (doc2query, Nogueira et al. 2019, without a network): the names
it defines, those it uses, those that it uses together, and the functions it calls. What completions and replays then
brought takes the prediction's place by and by: (4 predicted + credit) / (4 + exposure).
"""

from __future__ import annotations

import math
import re
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from heapq import nlargest
from pathlib import Path

from repocomp.errors import RepocompError
from repocomp.languages.table import keywords, stated
from repocomp.retrieve.arms.lexical import hits, wanted
from repocomp.retrieve.arms.near import word_weights
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.query import Query
from repocomp.retrieve.understand import understand
from repocomp.store.identity import identify
from repocomp.store.index.facts import ROOT
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import Chunk, ChunkKind
from repocomp.store.memory.credits import Credit, CreditRow, chunk_digest, read_credits, read_memory
from repocomp.store.paths import memory_path
from repocomp.terms import words

_PRIOR = 4.0
"""Draws that a prediction is worth."""
_NAMES, _PAIRS = 16, 6
_MOST_FILES = 60
"""A name used in more files than this predicts nothing."""
_DEFINES, _USES, _TOGETHER, _CALLS = 1.0, 0.5, 0.8, 0.6
_IDENTIFY_S = 0.5

Predicted = dict[Chunk, dict[str, float]]
"""By chunk: how likely it helps a query with each key, in 0..1."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Syntax chunks by what is known of the query's keys. Without a memory, predictions alone decide."""

    name: str = "memory"

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The chunks that are expected to help most. What was learned fades with time, so the order may change."""
        keys = keys_of(query)
        credits = _credits(reader, keys)
        predicted = _predicted(reader, keys)
        for chunk in _remembered(reader, credits):
            predicted.setdefault(chunk, {})
        scored = [
            (_score(keys, chances, credits.get(_digest(reader, chunk), {})), chunk)
            for chunk, chances in predicted.items()
        ]
        # Those tied with the last one stay: paths break ties.
        least = min(nlargest(wanted(top_k), (score for score, _ in scored)), default=0.0)
        best = [(score, chunk.id) for score, chunk in scored if score > 0 and score >= least]
        return hits(reader, query, self.name, best, top_k, lambda chunk: (chunk.start_line, chunk.end_line))


def keys_of(query: Query) -> dict[str, float]:
    """The keys of a query and their weights in 0..1: `name:x`, `pair:x y`, `in:x`."""
    understood = understand(query)
    weights = {item.name: item.weight for item in understood.asked}
    for name, weight in word_weights(query).items():
        weights[name] = max(weights.get(name, 0.0), 0.6 * weight)
    reserved = keywords(query.language)
    names = sorted((name for name in weights if len(name) > 2 and name not in reserved), key=lambda n: (-weights[n], n))
    keys = {f"name:{name}": weights[name] for name in names[:_NAMES]}
    last = [word for word in words(query.last_lines(2)) if word not in reserved and not word[0].isdigit()]
    keys |= {f"pair:{a} {b}": 0.8 for a, b in list(zip(last, last[1:], strict=False))[-_PAIRS:]}
    functions = _headers(query.language).findall(query.prefix)
    return keys | ({f"in:{functions[-1]}": 0.6} if functions else {})


@cache
def _headers(language: str) -> re.Pattern[str]:
    """Finds the name of each function that a text begins."""
    before = "|".join(stated(language, lambda known: known.function_words)) or "(?!)"
    return re.compile(rf"\b(?:{before})\s+(?:\([^)]*\)\s*)?([^\W\d]\w*)")


def credit_rows(reader: IndexReader, query: Query, hit: Hit, reward: float, propensity: float = 1.0) -> list[CreditRow]:
    """What `add_credits` is to be given when `hit` was drawn for `query`: a row for each key and chunk it shows.

    `reward` in 0..1 is what it was worth, 0 for nothing; `propensity` the probability that it was drawn.
    """
    lines = range(hit.start_line, hit.end_line + 1)
    shown = [
        chunk
        for chunk in reader.chunks.of(hit.content_id, ChunkKind.SYNTAX)
        if chunk.start_line in lines or chunk.end_line in lines or chunk.start_line < lines[0] <= chunk.end_line
    ]
    digests = [_digest(reader, chunk) for chunk in shown]
    return [CreditRow(key, digest, reward, hit.path, propensity) for key in keys_of(query) for digest in digests]


def _score(keys: Mapping[str, float], predicted: Mapping[str, float], credits: Mapping[str, Credit]) -> float:
    total = 0.0
    for key in sorted({*predicted, *credits}):
        credit, exposure = (credits[key].credit, credits[key].exposure) if key in credits else (0.0, 0.0)
        total += keys[key] * (_PRIOR * predicted.get(key, 0.0) + credit) / (_PRIOR + exposure)
    return total


def _predicted(reader: IndexReader, keys: Mapping[str, float]) -> Predicted:
    """The chunks of which a key is predicted; the highest prediction counts."""
    parted = {key: key.partition(":")[2].split(" ") for key in keys}
    names = sorted({name for parts in parted.values() for name in parts})
    frequency = reader.symbols.document_frequency(names)
    rare = [name for name in names if frequency.get(name, 0) <= _MOST_FILES]
    uses = {
        name: {chunk for content_id, line in places if (chunk := _chunk_at(reader, content_id, line))}
        for name, places in reader.symbols.references(rare).items()
    }
    defined = defaultdict[str, list[Chunk]](list)
    for symbol in reader.symbols.definitions(names):
        if chunk := _chunk_at(reader, symbol.content_id, symbol.start_line):
            defined[symbol.name].append(chunk)
    predicted: Predicted = defaultdict(dict)
    for key, parts in parted.items():
        for chunk, chance in _chances(key.partition(":")[0], parts, uses, defined, frequency):
            predicted[chunk][key] = max(predicted[chunk].get(key, 0.0), chance)
    return predicted


def _chances(
    kind: str,
    parts: Sequence[str],
    uses: Mapping[str, set[Chunk]],
    defined: Mapping[str, Sequence[Chunk]],
    frequency: Mapping[str, int],
) -> Iterator[tuple[Chunk, float]]:
    rarity = 1 / math.log2(2 + min(frequency.get(name, 0) for name in parts))
    users = sorted(set.intersection(*(uses.get(name, set()) for name in parts)), key=lambda chunk: chunk.id)
    share = {"name": _USES, "pair": _TOGETHER, "in": _CALLS}[kind]
    yield from ((chunk, share * rarity) for chunk in users)
    if kind == "name":
        definers = defined.get(parts[0], ())
        yield from ((chunk, _DEFINES / math.sqrt(len(definers))) for chunk in definers)


def _remembered(reader: IndexReader, credits: Mapping[bytes, Mapping[str, Credit]]) -> list[Chunk]:
    """The chunks that were given credit, where they still stand in the file that held them last."""
    paths = {credit.path for by_key in credits.values() for credit in by_key.values()}
    chunks = (chunk for number in reader.files.contents_of(sorted(paths)).values() for chunk in _chunks(reader, number))
    return [chunk for chunk in chunks if _digest(reader, chunk) in credits]


def _chunks(reader: IndexReader, content_id: int) -> list[Chunk]:
    return reader.chunks.of(content_id, ChunkKind.SYNTAX)


def _chunk_at(reader: IndexReader, content_id: int, line: int) -> Chunk | None:
    chunks = _chunks(reader, content_id)
    at = bisect_right(chunks, line, key=lambda chunk: chunk.start_line) - 1
    return chunks[at] if at >= 0 and line <= chunks[at].end_line else None


def _digest(reader: IndexReader, chunk: Chunk) -> bytes:
    return chunk_digest("\n".join(reader.contents.lines(chunk.content_id)[chunk.start_line - 1 : chunk.end_line]))


def _path(reader: IndexReader) -> Path | None:
    """Where the memory of the reader's repository lies; None for an index that belongs to none."""
    root = reader.fact(ROOT)
    try:
        return None if root is None else memory_path(identify(Path(root), _IDENTIFY_S).name)
    except (RepocompError, OSError):
        return None


def _credits(reader: IndexReader, keys: Mapping[str, float]) -> Mapping[bytes, Mapping[str, Credit]]:
    """What is remembered by these keys now, by chunk and key; nothing where there is no sound memory."""
    path = reader.memo(_path)
    connection = None if path is None else read_memory(path)
    if connection is None:
        return {}
    by_chunk = defaultdict[bytes, dict[str, Credit]](dict)
    with closing(connection):
        for credit in read_credits(connection, sorted(keys), time.time()):
            by_chunk[credit.chunk][credit.key] = credit
    return by_chunk
