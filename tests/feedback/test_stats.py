"""Figures against counts by hand, intervals against published values, and the picture against the figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from repocomp.cli import app
from repocomp.config import Settings
from repocomp.errors import ExitCode
from repocomp.feedback.ledger import reading, repository_path, say
from repocomp.feedback.plot import plot
from repocomp.feedback.record import record
from repocomp.feedback.stats import NO_ARM, Stats, stats
from repocomp.request import Timings
from repocomp.stats.figures import Figure, difference, percentile, ratio, share
from repocomp.store.feedback.connect import open_feedback
from repocomp.store.feedback.reports import add_committed, add_rewrites
from repocomp.store.feedback.rows import EventKind, Persistence, add_persistence
from tests.conftest import Repository
from tests.feedback.answers import answer, skipped, used

WEEK_MS = 7 * 86_400_000
MONDAY_MS = 1_767_571_200_000
"""2026-01-05, the first day of the second week."""


def test_wilson_intervals_are_the_published_ones() -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    for hits, n, low, high in (
        (81, 263, 25.53, 36.62),
        (15, 148, 6.24, 16.05),
        (0, 20, 0.0, 16.11),
        (1, 29, 0.61, 17.18),
    ):
        found = share("", "", [True] * hits + [False] * (n - hits))
        assert found.n == n
        assert found.low == pytest.approx(low, abs=0.01)
        assert found.high == pytest.approx(high, abs=0.01)


def test_bootstrapped_intervals_hold_the_value_and_narrow_with_n() -> None:
    few = ratio("", "", [1, 0, 1, 0], [1, 1, 1, 1])
    many = ratio("", "", [1, 0, 1, 0] * 50, [1, 1, 1, 1] * 50)
    for found in (few, many, percentile("", "", [3.0, 1.0, 2.0], 50)):
        assert found.value is not None and found.low is not None and found.high is not None
        assert found.low <= found.value <= found.high
    assert few.value == many.value == 50.0
    assert _width(many) < _width(few) / 3
    assert ratio("", "", [1, 0, 1, 0], [1, 1, 1, 1]) == few


def _width(figure: Figure) -> float:
    return (figure.high or 0) - (figure.low or 0)


def test_nothing_to_count_is_no_zero() -> None:
    for found in (share("", "", []), ratio("", "", [], []), ratio("", "", [0], [0]), percentile("", "", [], 50)):
        assert (found.value, found.n) == (None, 0)
    assert difference("", "", [True, False], [True, True], [0, 0]).value is None


def test_the_harm_compares_like_with_like() -> None:
    """Band 0: 1/2 without, 0/2 with. Band 1: 0/1 without, 1/1 with. Band 2 has no counterpart."""
    taken = [True, False, False, False, False, True, True]
    treated = [False, False, True, True, False, True, True]
    found = difference("", "", taken, treated, [0, 0, 0, 0, 1, 1, 2])
    assert (found.value, found.n) == (round((2 * 50 + 1 * -100) / 3, 2), 3)


@pytest.fixture
def root(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = repository({})
    monkeypatch.chdir(path)
    return path


Add = Callable[..., str]


@pytest.fixture
def add(root: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Record a completion of the third week of 2026 or a later one, with what became of it."""
    count = 0

    def one(text: str, verdict: EventKind | None = None, part: str | None = None, **more: Any) -> str:
        nonlocal count
        count += 1
        at = MONDAY_MS + WEEK_MS * more.pop("week", 0) + count
        committed: tuple[str, int] | None = more.pop("committed", None)
        saved: dict[int, int] = more.pop("saved", {})
        monkeypatch.setattr("time.time_ns", lambda: at * 1_000_000)
        completion, request = answer(f"x{count} = <|>\n", text, root=root, **more)
        assert record(completion, request, Settings(retention_days=0), root) is None
        if verdict is not None:
            say(root, completion.id, verdict, part, keep_text=True)
        with closing(open_feedback(repository_path(root))) as connection:
            size = len("".join(text.split()))
            for moment, kept in saved.items():
                add_persistence(connection, Persistence(0, completion.id, str(moment), "", "a", at, kept, size))
            if committed is not None:
                commit, kept = committed
                add_persistence(connection, Persistence(0, completion.id, "commit", commit, "a", at, kept, size))
        return completion.id

    return one


def counted(root: Path) -> Stats:
    with reading(root) as connection:
        assert connection is not None
        return stats(connection)


def test_every_figure_is_the_one_counted_by_hand(root: Path, add: Add) -> None:
    add("abcdefghij", "accepted", committed=("c1", 8), saved={30: 10, 600: 9}, timings_ms=Timings(total=10))
    add(
        "abcdefghij",
        "partially_accepted",
        part="abcd",
        committed=("c1", 6),
        saved={30: 2},
        timings_ms=Timings(total=20),
    )
    add("abcdefghij", "rejected", committed=("c2", 9), retrieval=skipped(0.65), path="a.go")
    add("abcdefghij", committed=("c2", 8), retrieval=skipped(0.1), path="a.go")
    add("abcdefghij", "accepted", retrieval=skipped(0.6), week=1)
    add("", retrieval=skipped(0.1), week=1)
    with closing(open_feedback(repository_path(root))) as connection:
        add_committed(connection, "c0", MONDAY_MS, {"python": 1000})
        add_committed(connection, "c1", MONDAY_MS, {"python": 40, "go": 20})
        add_committed(connection, "c2", MONDAY_MS, {"python": 60})
        add_rewrites(connection, {"c0": "c2"})
    found = counted(root)
    values = {name: (figure.value, figure.n) for name, figure in found.overall.items()}
    assert values == {
        "acceptance": (60.0, 5),
        "acceptance by characters": (48.0, 5),
        "rejection": (20.0, 5),
        "ignored": (20.0, 5),
        "never shown": (None, 0),
        "persistence 30 s": (round(100 * 12 / 14, 2), 2),
        "persistence 120 s": (None, 0),
        "persistence 300 s": (None, 0),
        "persistence 600 s": (90.0, 1),
        "persistence in commit": (round(100 * 12 / 14, 2), 2),
        "typed anyway": (50.0, 2),
        "completed code": (10.0, 2),
        "skip rate": (round(100 * 4 / 6, 2), 6),
        "harm of retrieval": (-50.0, 2),
        "latency p50": (20.0, 6),
        "latency p90": (20.0, 6),
        "latency p95": (20.0, 6),
    }
    assert {name: group["acceptance"].n for name, group in found.languages.items()} == {"go": 2, "python": 3}
    assert {name: group["acceptance"].n for name, group in found.arms.items()} == {"bm25": 2, NO_ARM: 3}
    assert {name: group["acceptance"].n for name, group in found.weeks.items()} == {"2026-W02": 4, "2026-W03": 1}
    assert found.languages["go"]["completed code"].value == 0.0
    assert found.languages["python"]["completed code"].value == 12.0
    assert all(figure.definition for figure in found.overall.values())


def test_an_answer_fetched_ahead_counts_once_it_was_displayed(root: Path) -> None:
    for text in ("ahead", "another", "accepted"):
        completion, request = answer("x = <|>\n", text, root=root)
        record(completion, request, Settings(), root, shown=False)
        figures = counted(root).overall
        assert (figures["acceptance"].n, figures["never shown"].value) == (0, 100.0)
    say(root, answer("x = <|>\n", "ahead", root=root)[0].id, "shown", None, keep_text=True)
    # Nobody accepts what was not shown.
    say(root, answer("x = <|>\n", "accepted", root=root)[0].id, "accepted", None, keep_text=True)
    figures = counted(root).overall
    assert [figures[name].n for name in ("acceptance", "never shown")] == [2, 3]
    assert [figures[name].value for name in ("acceptance", "ignored", "never shown")] == [50.0, 50.0, 33.33]


@pytest.mark.parametrize(
    ("verdict", "part", "taken"),
    [("accepted", None, 10), ("partially_accepted", "de", 5), ("rejected", None, 0), (None, None, 0)],
)
def test_what_is_typed_on_through_an_answer_is_one_answer(
    root: Path, verdict: EventKind | None, part: str | None, taken: int
) -> None:
    first, request = answer("x = <|>\n", "abcdefghij", root=root)
    record(first, request, Settings(), root)
    for typed in (1, 2, 3):
        rest, request = answer(f"x = {first.text[:typed]}<|>\n", first.text[typed:], root=root, continues=first.id)
        record(rest, request, Settings(), root)
    if verdict is not None:
        say(root, rest.id, verdict, part, keep_text=True)
    figures = counted(root).overall
    assert (figures["acceptance"].n, figures["latency p50"].n) == (1, 1)
    assert figures["acceptance by characters"].value == 10.0 * taken
    assert figures["ignored"].value == (100.0 if verdict is None else 0.0)


def test_the_last_verdict_counts(root: Path, add: Add) -> None:
    name = add("abcdefghij", "accepted")
    say(root, name, "rejected", None, keep_text=True)
    assert counted(root).overall["acceptance by characters"].value == 0.0
    say(root, name, "partially_accepted", "abcde", keep_text=True)
    assert counted(root).overall["acceptance by characters"].value == 50.0


def test_the_picture_shows_the_figures_and_leaves_gaps(root: Path, add: Add) -> None:
    for week, verdict in ((0, "accepted"), (1, "rejected"), (3, "accepted"), (4, None)):
        add("abcdefghij", verdict, week=week, retrieval=used("<arm> & co"), committed=(f"c{week}", 10))
    svg = plot(counted(root))
    tree = ElementTree.fromstring(svg)
    names = {"svg": "http://www.w3.org/2000/svg"}
    dots = [dot.get("class") for dot in tree.findall("svg:circle", names)]
    assert (dots.count("dot a"), dots.count("dot b")) == (4, 2)
    texts = [text.text for text in tree.findall("svg:text", names)]
    assert {"26-W02", "26-W03", "26-W05", "26-W06", "<arm> & co", "python"} <= set(texts)
    assert "nan" not in svg
    numbers = [float(dot.get("cy") or math.nan) for dot in tree.findall("svg:circle", names)]
    assert numbers[0] == 118.0
    assert numbers[1] == 118.0 + 220


def test_a_picture_of_nothing_is_one(root: Path, add: Add) -> None:
    add("")
    svg = plot(counted(root))
    assert "Nothing was shown yet." in svg
    ElementTree.fromstring(svg)


def test_stats_on_the_command_line(root: Path, add: Add, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    add("abcdefghij", "accepted", committed=("c1", 10))
    assert app.run(["feedback", "stats", "--svg", "out.svg"]) == ExitCode.OK
    shown = capsysbinary.readouterr().out.decode()
    for words in ("100.0 %", "typed anyway", "visible characters accepted, of those shown", "20.6 .. 100.0"):
        assert words in shown
    assert (root / "out.svg").read_text().startswith("<svg")
    assert app.run(["feedback", "stats", "--json"]) == ExitCode.OK
    data = json.loads(capsysbinary.readouterr().out)["data"]
    assert set(data) == {"overall", "languages", "arms", "weeks"}
    assert set(data["overall"]["acceptance"]) == {"name", "definition", "unit", "n", "value", "low", "high"}
    assert app.run(["feedback", "stats", "--svg", "nowhere/out.svg"]) == ExitCode.ERROR


def test_stats_of_nothing(root: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert app.run(["feedback", "stats"]) == ExitCode.NOTHING
    assert app.run(["feedback", "stats", "--json"]) == ExitCode.NOTHING
    assert json.loads(capsysbinary.readouterr().out)["data"] == {}
