"""What a completion was worth: by verdict, by what lasted, by what was typed anyway; nothing where nobody knows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repocomp.feedback.ledger import repository_path, say
from repocomp.feedback.outcomes import Outcome
from repocomp.learn.rewards import COST, events, shares_of, worth_of
from repocomp.request import Choice
from repocomp.store.feedback.connect import open_feedback
from tests.conftest import Repository
from tests.feedback.answers import CURSOR, show, used

PLAIN = Outcome("c_1", 0, "python", "used", 0.6, ("bm25",), 20.0, False, True, None, 10, 0, {}, None, None)


@pytest.mark.parametrize(
    ("changes", "worth"),
    [
        ({}, None),
        ({"is_shown": False, "verdict": "accepted", "taken": 10}, None),
        ({"verdict": "rejected"}, 0.0),
        ({"verdict": "accepted", "taken": 10}, 1.0),
        ({"verdict": "accepted", "taken": 10, "saved": {"30": 10, "600": 4}}, 0.4),
        ({"verdict": "accepted", "taken": 10, "saved": {"600": 4}, "committed": 9}, 0.9),
        ({"verdict": "partially_accepted", "taken": 5}, 0.5),
        ({"verdict": "partially_accepted", "taken": 5, "committed": 5}, 0.5),
        ({"verdict": "partially_accepted", "taken": 5, "committed": 2}, 0.2),
        ({"committed": 9}, 0.9),
        ({"committed": 3}, 0.0),
        ({"verdict": "rejected", "committed": 10}, 1.0),
    ],
)
def test_worth(changes: dict[str, Any], worth: float | None) -> None:
    assert worth_of(replace(PLAIN, **changes)) == pytest.approx(worth)


def test_an_answer_that_was_waited_for_is_worth_less_and_a_late_word_replaces_the_first(repository: Repository) -> None:
    root = repository({"app.py": "x = 1\n"})
    choice = Choice("all:5", 0.01, 7, 2, {"all:10": 0.99, "all:5": 0.01})
    name = show(root, f"x = {CURSOR}\n", "f(1)", retrieval=replace(used(), choice=choice))
    say(root, name, "accepted", None, keep_text=True)
    assert [event.reward for event in heard(root)] == pytest.approx([1 - COST * 0.02])
    say(root, name, "rejected", None, keep_text=True)
    (event,) = heard(root)
    assert event.reward == pytest.approx(-COST * 0.02)
    assert (event.action, event.propensities) == ("all:5", choice.propensities)
    assert event.shares == {"bm25": 1.0}
    assert event.known["place"] == "call"


def test_shares_are_by_tokens() -> None:
    chunks = [{"arm": "near", "tokens": 30}, {"arm": "bm25", "tokens": 60}, {"arm": "near", "tokens": 30}]
    assert shares_of(chunks) == {"near": 0.5, "bm25": 0.5}
    assert shares_of([]) == {}


def heard(root: Path) -> list[Any]:
    with closing(open_feedback(repository_path(root))) as connection:
        return events(connection)
