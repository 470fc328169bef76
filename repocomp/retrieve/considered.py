"""What became of every chunk that was drawn: its score before and after ranking, and why it was kept or dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from repocomp.request import Draw
from repocomp.retrieve.arms.base import Hit
from repocomp.retrieve.rank import same_place


def considered(drawn: Mapping[str, Sequence[Hit]], ranked: Sequence[Hit], kept: Sequence[Hit]) -> tuple[Draw, ...]:
    """Every draw by arm and rank. `ranked` is the union of `drawn` in order, `kept` what of it entered the prompt."""
    places: dict[int, list[Hit]] = {}
    for one in ranked:
        places.setdefault(one.content_id, []).append(one)
    return tuple(
        _draw(arm, rank, hit, places.get(hit.content_id, ()), ranked, kept)
        for arm, hits in drawn.items()
        for rank, hit in enumerate(hits, 1)
    )


def _draw(arm: str, rank: int, hit: Hit, near: Sequence[Hit], ranked: Sequence[Hit], kept: Sequence[Hit]) -> Draw:
    """`near` are the ranked hits of the same content."""
    merged = next((one for one in near if same_place(one, hit)), None)
    is_kept = merged is not None and merged in kept
    if merged is None:
        reason = "says the same as a better one"
    elif is_kept:
        at = ranked.index(merged) + 1
        own = (merged.start_line, merged.end_line) == (hit.start_line, hit.end_line)
        place = "" if own else f", as lines {merged.start_line}-{merged.end_line}"
        reason = f"number {at} of {len(ranked)}{place}"
    else:
        reason = f"no room: number {ranked.index(merged) + 1} of {len(ranked)}"
    fused = None if merged is None else round(merged.score, 5)
    return Draw(arm, rank, hit.path, hit.start_line, hit.end_line, round(hit.score, 4), fused, is_kept, reason)
