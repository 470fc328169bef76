"""The outcome of each completion: the last verdict, the part that was accepted, what stood in file and commit later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repocomp.feedback.commits import COMMIT
from repocomp.feedback.export import verdict
from repocomp.store.connect import Connection
from repocomp.store.feedback.rows import Event, Impression, Persistence, events, impressions, persistences


@dataclass(frozen=True, slots=True)
class Outcome:
    """One completion. Characters are visible ones; `saved` is what stood by moment, `committed` in the last commit.

    `taken` is what the user accepted of it, `arms` are those whose chunks stood in the prompt, `commit` is the first
    commit that held at least half of it.
    """

    id: str
    at_ms: int
    language: str
    decision: str
    probability: float | None
    arms: tuple[str, ...]
    total_ms: float
    is_shown: bool
    verdict: str | None
    chars: int
    taken: int
    saved: dict[str, int]
    committed: int | None
    commit: str | None

    @property
    def is_taken(self) -> bool:
        """Whether all or a part of it was accepted."""
        return self.verdict in ("accepted", "partially_accepted")


def outcomes(connection: Connection) -> list[Outcome]:
    """Every completion, oldest first, empty answers too."""
    rows = impressions(connection)
    said, measured = events(connection, rows), persistences(connection, rows)
    return [_outcome(row, said.get(row.id, ()), measured.get(row.id, ())) for row in rows]


def _outcome(row: Impression, said: Sequence[Event], measured: Sequence[Persistence]) -> Outcome:
    chunks = row.details()["retrieval"]["chunks"]
    in_commits = [item for item in measured if item.moment == COMMIT]
    held = [item.commit_id for item in in_commits if item.is_held]
    return Outcome(
        id=row.id,
        at_ms=row.first_ms,
        language=row.language,
        decision=row.decision,
        probability=row.probability,
        arms=tuple(sorted({chunk["arm"] for chunk in chunks})),
        total_ms=row.total_ms,
        is_shown=row.chars > 0 and (row.shown or any(event.kind == "shown" for event in said)),
        verdict=verdict(said),
        chars=row.chars,
        taken=_taken(row, said),
        saved={item.moment: item.kept for item in measured if item.moment != COMMIT},
        committed=in_commits[-1].kept if in_commits else None,
        commit=held[0] if held else None,
    )


def _taken(row: Impression, said: Sequence[Event]) -> int:
    last = next((event for event in reversed(said) if event.kind == verdict(said)), None)
    if last is None or last.kind == "rejected":
        return 0
    return row.chars if last.chars is None else min(row.chars, last.chars)
