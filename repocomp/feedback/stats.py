"""What the history says in numbers: overall, by language, by retrieval arm and by week.

Every figure carries its definition, its count and an interval; with few completions the interval says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from repocomp.feedback.outcomes import Outcome, outcomes
from repocomp.feedback.persistence import NEARLY
from repocomp.feedback.sweep import MOMENTS_S
from repocomp.stats.figures import Figure, difference, percentile, ratio, share
from repocomp.store.connect import Connection
from repocomp.store.feedback.reports import committed, rewrites, standing

_BANDS = 10
_LAST_S = 253_402_300_799
"""The end of the year 9999, where the calendar of Python ends; a clock may stand beyond."""
NO_ARM = "no retrieval"


@dataclass(frozen=True, slots=True)
class Written:
    """What commits added in one language, and how much of it came from accepted completions; visible characters."""

    commit: str
    language: str
    at_ms: int
    added: int
    completed: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures by name: of everything, and of each language, arm and week (ISO 8601, UTC)."""

    overall: Mapping[str, Figure]
    languages: Mapping[str, Mapping[str, Figure]]
    arms: Mapping[str, Mapping[str, Figure]]
    weeks: Mapping[str, Mapping[str, Figure]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""

        def plain(figures: Mapping[str, Figure]) -> dict[str, Any]:
            return {name: figure.to_json() for name, figure in figures.items()}

        groups = {"languages": self.languages, "arms": self.arms, "weeks": self.weeks}
        return {
            "overall": plain(self.overall),
            **{name: {key: plain(figures) for key, figures in group.items()} for name, group in groups.items()},
        }


def stats(connection: Connection) -> Stats:
    """All figures of one repository's history."""
    all_of = outcomes(connection)
    written = _written(connection, all_of)
    return Stats(
        figures(all_of, written),
        _grouped(all_of, written, lambda one: [one.language], lambda row: row.language),
        _grouped(all_of, (), lambda one: one.arms or [NO_ARM]),
        _grouped(all_of, written, lambda one: [_week(one.at_ms)], lambda row: _week(row.at_ms)),
    )


def figures(all_of: Sequence[Outcome], written: Sequence[Written] = ()) -> dict[str, Figure]:
    """Every figure over some completions and commits."""
    shown = [one for one in all_of if one.is_shown]
    taken = [one for one in shown if one.is_taken]
    found = [
        share(
            "acceptance",
            "completions accepted or partly accepted, of those shown",
            [one.is_taken for one in shown],
        ),
        ratio(
            "acceptance by characters",
            "visible characters accepted, of those shown",
            [one.taken for one in shown],
            [one.chars for one in shown],
        ),
        share("rejection", "completions dismissed, of those shown", [one.verdict == "rejected" for one in shown]),
        share(
            "ignored", "completions of which nothing was said, of those shown", [one.verdict is None for one in shown]
        ),
        share(
            "never shown",
            "completions made ahead that were not shown, of those made ahead",
            [not one.is_shown for one in all_of if one.is_ahead],
        ),
        *(_persistence(taken, moment) for moment in MOMENTS_S),
        _in_commit(taken),
        _typed_anyway(shown),
        _completed(written),
        share(
            "skip rate",
            "answers for which retrieval was skipped, of all answers",
            [one.decision == "skipped" for one in all_of],
        ),
        _harm(shown),
        *_latency(all_of),
    ]
    return {figure.name: figure for figure in found}


def _persistence(taken: Sequence[Outcome], moment: int) -> Figure:
    measured = [one for one in taken if str(moment) in one.saved]
    return ratio(
        f"persistence {moment} s",
        f"characters that stood in the saved file {moment} s after, of those accepted",
        [min(one.saved[str(moment)], one.taken) for one in measured],
        [one.taken for one in measured],
    )


def _in_commit(taken: Sequence[Outcome]) -> Figure:
    measured = [(one, one.committed) for one in taken if one.committed is not None]
    return ratio(
        "persistence in commit",
        "characters that stand in the last commit measured, of those accepted",
        [min(kept, one.taken) for one, kept in measured],
        [one.taken for one, _ in measured],
    )


def _typed_anyway(shown: Sequence[Outcome]) -> Figure:
    measured = [(one, one.committed) for one in shown if not one.is_taken and one.committed is not None]
    return share(
        "typed anyway",
        f"completions of which {NEARLY:.0%} stands in a commit, of those shown, not accepted and measured there",
        [kept >= NEARLY * one.chars for one, kept in measured],
    )


def _completed(written: Sequence[Written]) -> Figure:
    commits: dict[str, tuple[int, int]] = {}
    for row in written:
        completed, added = commits.get(row.commit, (0, 0))
        commits[row.commit] = (completed + row.completed, added + row.added)
    return ratio(
        "completed code",
        "visible characters kept from accepted completions, of those that commits added; n counts commits",
        [completed for completed, _ in commits.values()],
        [added for _, added in commits.values()],
    )


def _harm(shown: Sequence[Outcome]) -> Figure:
    judged = [(one, one.probability) for one in shown if one.probability is not None]
    judged = [(one, p) for one, p in judged if one.decision in ("used", "skipped")]
    return difference(
        "harm of retrieval",
        "acceptance without retrieval minus with it, at equal probability (bands of 0.1), an estimate: below 0 it"
        " helps; n counts the retrieved with a like",
        [one.is_taken for one, _ in judged],
        [one.decision == "used" for one, _ in judged],
        [min(_BANDS - 1, int(p * _BANDS)) for _, p in judged],
    )


def _latency(all_of: Sequence[Outcome]) -> list[Figure]:
    times = [one.total_ms for one in all_of]
    says = "milliseconds from request to answer, start of the process left out"
    return [percentile(f"latency p{p}", f"{says}: {p} % of answers took less", times, p) for p in (50, 90, 95)]


def _grouped(
    all_of: Sequence[Outcome],
    written: Sequence[Written],
    keys: Callable[[Outcome], Sequence[str]],
    key: Callable[[Written], str] = lambda row: "",
) -> dict[str, Mapping[str, Figure]]:
    groups: defaultdict[str, list[Outcome]] = defaultdict(list)
    for one in all_of:
        for name in keys(one):
            groups[name].append(one)
    return {
        name: figures(group, [row for row in written if key(row) == name]) for name, group in sorted(groups.items())
    }


def _written(connection: Connection, all_of: Sequence[Outcome]) -> list[Written]:
    """What commits added since the first completion, rewritten ones and merges left out."""
    moved = rewrites(connection)
    kept: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in all_of:
        if one.is_taken and one.commit is not None and one.committed is not None:
            kept[standing(one.commit, moved), one.language] += min(one.committed, one.taken)
    return [
        Written(commit, language, at_ms, added, min(added, kept[commit, language]))
        for commit, language, at_ms, added in committed(connection)
    ]


def _week(at_ms: int) -> str:
    year, week, _ = datetime.fromtimestamp(min(at_ms / 1000, _LAST_S), UTC).isocalendar()
    return f"{year}-W{week:02}"
