"""What became of every chunk that was drawn: its score before and after ranking, and why it was kept or dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repocomp.request import Draw
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.rank import same_place


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A hit of the union, its number there (from 1) of `total`, and whether it was kept."""

    hit: Hit
    number: int
    total: int
    is_kept: bool


def trace(drawn: Mapping[str, Sequence[Hit]], ranked: Sequence[Hit], kept: Sequence[Hit]) -> tuple[Draw, ...]:
    """Every draw by arm and rank. `ranked` is the union of `drawn` in order, `kept` what of it was used."""
    # By identity: to compare two hits is to compare their texts.
    keeps = {id(one) for one in kept}
    places: dict[int, list[_Ranked]] = {}
    for number, one in enumerate(ranked, 1):
        places.setdefault(one.content_id, []).append(_Ranked(one, number, len(ranked), id(one) in keeps))
    return tuple(
        _draw(arm, rank, hit, places.get(hit.content_id, ()))
        for arm, hits in drawn.items()
        for rank, hit in enumerate(hits, 1)
    )


def _draw(arm: str, rank: int, hit: Hit, near: Sequence[_Ranked]) -> Draw:
    """`near` are the ranked hits of the same content."""
    merged = next((one for one in near if same_place(one.hit, hit)), None)
    if merged is None:
        reason = "says the same as a better one"
    elif merged.is_kept:
        start, end = merged.hit.start_line, merged.hit.end_line
        place = "" if (start, end) == (hit.start_line, hit.end_line) else f", as lines {start}-{end}"
        reason = f"number {merged.number} of {merged.total}{place}"
    else:
        reason = f"no room: number {merged.number} of {merged.total}"
    fused = None if merged is None else round(merged.hit.score, 5)
    is_kept = merged is not None and merged.is_kept
    return Draw(arm, rank, hit.path, hit.start_line, hit.end_line, round(hit.score, 4), fused, is_kept, reason)
