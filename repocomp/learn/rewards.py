"""Rewards from what users did: what they accepted and how much of it lasted, minus the cost of waiting.

An answer that was taken whole and still stands is worth 1, one that was turned down 0; between lies the share that was
taken times the share of it that persisted, by the last measurement: a commit counts more than a saved file. Text that
was not accepted and yet was committed nearly the same was right as well. Answers that nobody said anything about, and
whose fate was never measured, teach nothing. Persistence is by common tokens (`feedback.persistence`), so what was
edited afterwards is worth less; a late measurement or a changed verdict changes the reward, not what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repocomp.feedback.outcomes import Outcome, outcomes
from repocomp.feedback.persistence import NEARLY
from repocomp.store.connect import Connection
from repocomp.store.feedback.rows import Impression, impressions

COST = 0.1
"""Shares of an acceptance that a second of waiting costs."""
PATIENCE_S = 5.0
"""Longer waits cost no more: a machine that slept says nothing of an action."""


@dataclass(frozen=True, slots=True)
class Event:
    """One completion that came to something. `known` describes its place, `shares` its prompt's snippets by arm.

    `action` was taken with `propensities` of all (None: there was no choice). Where `is_told` is False nobody gave a
    verdict: what later stood in the file says what became of it. `score` is what its confidence was calibrated from.
    """

    id: str
    known: dict[str, str | int | float | bool]
    shares: dict[str, float]
    reward: float
    action: str | None
    propensities: dict[str, float] | None
    is_told: bool = False
    score: float | None = None


def events(connection: Connection) -> list[Event]:
    """Every completion with a reward, oldest first."""
    came_to = {one.id: one for one in outcomes(connection)}
    found = (event_of(row, came_to[row.id]) for row in impressions(connection) if row.id in came_to)
    return [event for event in found if event is not None]


def event_of(row: Impression, outcome: Outcome) -> Event | None:
    """What one completion teaches; None where nothing came of it."""
    worth = worth_of(outcome)
    if worth is None:
        return None
    detail = row.details()
    retrieval = detail["retrieval"]
    choice = retrieval.get("choice")
    known = dict(detail["features"])
    if outcome.probability is not None:
        known.setdefault("probability", outcome.probability)
    return Event(
        row.id,
        known,
        shares_of(retrieval["chunks"]),
        worth - COST * min(PATIENCE_S, outcome.total_ms / 1000),
        choice["action"] if choice else None,
        choice["propensities"] if choice else None,
        outcome.verdict is not None,
        detail.get("score"),
    )


def worth_of(outcome: Outcome) -> float | None:
    """What the user made of it, 0..1; None where that is not known."""
    if not outcome.is_shown or not outcome.chars:
        return None
    kept = _kept(outcome)
    if outcome.is_taken:
        return outcome.taken / outcome.chars * (1.0 if kept is None else min(1.0, kept / max(1, outcome.taken)))
    lasted = 0.0 if kept is None else kept / outcome.chars
    if outcome.verdict == "rejected" or kept is not None:
        return lasted if lasted >= NEARLY else 0.0
    return None


def _kept(outcome: Outcome) -> int | None:
    if outcome.committed is not None:
        return outcome.committed
    latest = max(outcome.saved, key=int, default=None)
    return None if latest is None else outcome.saved[latest]


def shares_of(chunks: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How much of a prompt's snippets each arm brought, 0..1 in all 1; nothing without snippets.

    They count by their tokens, and alike where they were only copied from.
    """
    read = sum(chunk["tokens"] for chunk in chunks)
    shares: dict[str, float] = {}
    for chunk in chunks:
        share = chunk["tokens"] / read if read else 1 / len(chunks)
        shares[chunk["arm"]] = shares.get(chunk["arm"], 0.0) + share
    return shares
