"""The baselines do what they are called."""

from __future__ import annotations

import pytest

from repocomp.document import Document
from repocomp.evaluate.baselines import copied_answer, ngram_answer
from repocomp.evaluate.counterfactual import Attempt, Outcome
from repocomp.evaluate.holes import Hole, HoleKind
from tests.complete.fakes import ScriptedModel, hit, loaded

CHUNK = "def load(path):\n    with open(path) as stream:\n        return stream.read()\n"


def outcome(before: str, truth: str, kind: HoleKind = "line", after: str = "\n") -> Outcome:
    data = (before + truth + after).encode()
    start = len(before.encode())
    nothing = Attempt("", False, 0.0, None)  # type: ignore[arg-type]
    hole = Hole(Document("a.py", data), start, start + len(truth.encode()), kind)
    return Outcome(hole, nothing, nothing, 0.5, (hit(CHUNK),))


@pytest.mark.parametrize("answer", [copied_answer, lambda o: ngram_answer(o, loaded(ScriptedModel("")))])
def test_the_rest_of_a_line_seen_elsewhere_is_found(answer: object) -> None:
    assert answer(outcome("x = 1\nwith open(path)", " as stream:", "midline")) == " as stream:"  # type: ignore[operator]


def test_copying_takes_the_line_after_the_most_similar_one() -> None:
    assert copied_answer(outcome("y = 2\nwith open(path) as stream:\n    ", "return stream.read()")) == (
        "return stream.read()"
    )


def test_nothing_alike_copies_nothing_useful_and_does_not_fail() -> None:
    for kind in ("line", "chunk"):
        assert isinstance(copied_answer(outcome("", "zzz", kind)), str)
        assert isinstance(ngram_answer(outcome("@", "zzz", kind), loaded(ScriptedModel(""))), str)
