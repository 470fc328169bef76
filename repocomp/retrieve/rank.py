"""The union of what the arms drew, in one order.

Reciprocal rank fusion (Cormack et al. 2009): a hit's score is the sum of 1 / (60 + rank) over the arms that drew it.
What says the same twice is kept once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from repocomp.retrieve.arms.base import Hit

RRF_K = 60
_COVERED = 0.5
"""Share of a hit's lines that a better hit may already show."""


def fuse(drawn: Mapping[str, Sequence[Hit]]) -> list[Hit]:
    """All hits, best first, scored by fusion; a hit keeps the name of the arm that ranked it highest."""
    groups: list[tuple[Hit, float, int]] = []
    ranked = sorted(
        ((rank, hit) for hits in drawn.values() for rank, hit in enumerate(hits, 1)),
        key=lambda item: (item[0], item[1].arm, item[1].path, item[1].start_line),
    )
    for rank, hit in ranked:
        gain = 1 / (RRF_K + rank)
        at = next((n for n, (kept, _, _) in enumerate(groups) if same_place(kept, hit)), None)
        if at is None:
            groups.append((hit, gain, rank))
        else:
            kept, score, best = groups[at]
            groups[at] = (kept, score + gain, best)
    ordered = sorted(groups, key=lambda group: (-group[1], group[2], group[0].path, group[0].start_line))
    return without_copies([replace(hit, score=score) for hit, score, _ in ordered])


def same_place(a: Hit, b: Hit) -> bool:
    """Whether two hits show mostly the same lines of the same content."""
    if a.content_id != b.content_id:
        return False
    shared = min(a.end_line, b.end_line) - max(a.start_line, b.start_line) + 1
    return shared > _COVERED * min(a.end_line - a.start_line + 1, b.end_line - b.start_line + 1)


def without_copies(hits: Sequence[Hit]) -> list[Hit]:
    """`hits` without those whose text, white space folded, came before."""
    seen: set[str] = set()
    kept: list[Hit] = []
    for hit in hits:
        folded = " ".join(hit.text.split())
        if folded not in seen:
            seen.add(folded)
            kept.append(hit)
    return kept
