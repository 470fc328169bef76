"""Words and meaning together: reciprocal rank fusion of the full-text and the vector search (Cormack et al. 2009)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from repocomp.retrieve.arms.bm25 import Bm25
from repocomp.retrieve.arms.dense import Dense
from repocomp.retrieve.hit import Arm, Hit
from repocomp.retrieve.query import Query
from repocomp.store.index.reader import IndexReader

_K = 60
_DEEPER = 2
"""Each side is asked for so many times more: what both rank low may together rank high."""


@dataclass(frozen=True, slots=True)
class Hybrid:
    """The chunks that `lexical` and `vector` rank high together; both draw chunks of the same cut."""

    name: str = "hybrid"
    lexical: Arm = field(default_factory=Bm25)
    vector: Arm = field(default_factory=Dense)

    def draw(self, reader: IndexReader, query: Query, top_k: int) -> list[Hit]:
        """The best by the sum of 1 / (60 + rank). Raises Unavailable without vectors."""
        sides = [arm.draw(reader, query, _DEEPER * top_k) for arm in (self.vector, self.lexical)]
        fused: dict[tuple[int, int, int], float] = {}
        first: dict[tuple[int, int, int], Hit] = {}
        for side in sides:
            for rank, hit in enumerate(side, 1):
                place = hit.content_id, hit.start_line, hit.end_line
                fused[place] = fused.get(place, 0.0) + 1 / (_K + rank)
                first.setdefault(place, hit)
        drawn = [replace(hit, score=fused[place], arm=self.name) for place, hit in first.items()]
        return sorted(drawn, key=lambda hit: (-hit.score, hit.path, hit.start_line))[:top_k]
