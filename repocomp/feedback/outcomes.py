"""The outcome of each completion: the last verdict, the part that was accepted, what stood in file and commit later.

What is typed on through an answer brings the rest of it again and again: all of them are one completion, the first one,
and what was typed of it was accepted with the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repocomp.feedback.commits import COMMIT
from repocomp.feedback.export import verdict
from repocomp.store.connect import Connection
from repocomp.store.feedback.rows import Event, Impression, Persistence, events, impressions, persistences


@dataclass(frozen=True, slots=True)
class Outcome:
    """One completion. Characters are visible ones; `saved` is what stood by moment, `committed` in the last commit.

    `is_ahead`: it was made before anybody wanted to see it. `taken` is what the user accepted of it, `arms` are those
    whose chunks stood in the prompt, `commit` is the first commit that held at least half of it.
    """

    id: str
    at_ms: int
    language: str
    decision: str
    probability: float | None
    arms: tuple[str, ...]
    total_ms: float
    is_ahead: bool
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
    known = {row.id for row in rows}
    rests: defaultdict[str, list[Impression]] = defaultdict(list)
    firsts: list[tuple[Impression, dict[str, Any]]] = []
    for row in rows:
        details = row.details()
        continued = details.get("continues")
        if continued in known:
            rests[continued].append(row)
        else:
            firsts.append((row, details))
    return [_outcome(row, details, rests[row.id], said, measured.get(row.id, ())) for row, details in firsts]


def _outcome(
    row: Impression,
    details: dict[str, Any],
    rests: Sequence[Impression],
    said: Mapping[str, Sequence[Event]],
    measured: Sequence[Persistence],
) -> Outcome:
    words = sorted((event for each in (row, *rests) for event in said.get(each.id, ())), key=lambda event: event.id)
    in_commits = [item for item in measured if item.moment == COMMIT]
    held = [item.commit_id for item in in_commits if item.is_held]
    return Outcome(
        id=row.id,
        at_ms=row.first_ms,
        language=row.language,
        decision=row.decision,
        probability=row.probability,
        arms=tuple(sorted({chunk["arm"] for chunk in details["retrieval"]["chunks"]})),
        total_ms=row.total_ms,
        is_ahead=bool(details.get("prefetched")),
        # Whoever gave a verdict saw it.
        is_shown=row.chars > 0 and (bool(words) or any(each.shown for each in (row, *rests))),
        verdict=verdict(words),
        chars=row.chars,
        taken=_taken(row, rests, words),
        saved={item.moment: item.kept for item in measured if item.moment != COMMIT},
        committed=in_commits[-1].kept if in_commits else None,
        commit=held[0] if held else None,
    )


def _taken(row: Impression, rests: Sequence[Impression], words: Sequence[Event]) -> int:
    last = next((event for event in reversed(words) if event.kind == verdict(words)), None)
    if last is None or last.kind == "rejected":
        return 0
    about = next(each for each in (row, *rests) if each.id == last.impression_id)
    typed = max(0, row.chars - about.chars)
    return row.chars if last.chars is None else min(row.chars, typed + last.chars)
