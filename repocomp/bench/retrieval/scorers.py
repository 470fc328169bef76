"""Retrievers that exist only to be compared with: CodeBLEU as the scorer, and one scorer over two ways to cut.

The paper tried CodeBLEU in the place of Jaccard and found no gain; here it orders the windows that Jaccard finds. What
the way to cut is worth shows where the same Jaccard similarity scores fixed windows and syntax chunks, each given as
it stands.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from repocomp.evaluate.codebleu import codebleu
from repocomp.retrieve.arms.jaccard import Jaccard
from repocomp.retrieve.arms.lexical import hits
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.lexicon import Ints, Lexicon
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader
from repocomp.store.index.rows import ChunkKind
from repocomp.terms import words

CUTS: Mapping[str, ChunkKind] = {"windows": ChunkKind.WINDOW_20, "syntax chunks": ChunkKind.SYNTAX}
_RERANKED = 30
_QUERY_LINES = 20


def by_codebleu(reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
    """Jaccard's best windows by their CodeBLEU similarity to the lines before the cursor; the next window is given."""
    jaccard, asked = Jaccard(), query.last_lines(_QUERY_LINES)
    found = sorted(jaccard.scored(reader, query, _RERANKED), key=lambda entry: -entry[0])[:_RERANKED]
    scored = []
    for chunk in reader.chunks.by_id([number for _, number in found]):
        window = "\n".join(reader.contents.lines(chunk.content_id)[chunk.start_line - 1 : chunk.end_line])
        scored.append((codebleu(window, asked, query.language).total, chunk.id))
    return hits(reader, query, "codebleu", scored, top_k, lambda chunk: jaccard.following(reader, chunk))


class Cut:
    """All live chunks of one kind as sets of words, held in memory to be scored by brute force."""

    def __init__(self, reader: IndexReader, kind: ChunkKind) -> None:
        self._reader, self._lexicon = reader, Lexicon()
        self._ids: list[int] = []
        sets: list[Ints] = []
        for content_id in dict.fromkeys(row.content_id for row in reader.files.all()):
            lines = [self._lexicon.numbers(words(line)) for line in reader.contents.lines(content_id)]
            for chunk in reader.chunks.of(content_id, kind):
                own = lines[chunk.start_line - 1 : chunk.end_line]
                self._ids.append(chunk.id)
                sets.append(np.unique(np.concatenate([*own, np.zeros(0, dtype=np.int64)])))
        self._sizes = np.array([len(one) for one in sets])
        self._rows = np.repeat(np.arange(len(sets)), self._sizes)
        self._words = np.concatenate([*sets, np.zeros(0, dtype=np.int64)])

    def draw(self, query: Query, top_k: int) -> list[Hit]:
        """The chunks whose words overlap most with the lines before the cursor, as they stand."""
        asked = np.unique(self._lexicon.numbers(words(query.last_lines(_QUERY_LINES))))
        is_asked = self._lexicon.mask(asked)[self._words]
        shared = np.bincount(self._rows[is_asked], minlength=len(self._ids))
        scores = shared / np.maximum(1, self._sizes + len(asked) - shared)
        best = np.argsort(-scores, kind="stable")[: 4 * top_k]
        scored = [(float(scores[at]), self._ids[at]) for at in best if shared[at]]
        return hits(self._reader, query, "jaccard", scored, top_k, lambda chunk: (chunk.start_line, chunk.end_line))


def cuts_of(reader: IndexReader) -> dict[str, Cut]:
    """Both ways to cut a repository, by name."""
    return {name: Cut(reader, kind) for name, kind in CUTS.items()}
