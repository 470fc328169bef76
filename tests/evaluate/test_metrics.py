"""The metrics on cases with known answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from repocomp.evaluate import metrics

CASES = json.loads((Path(__file__).parents[1] / "cases" / "metrics.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        ("return fooBar(x)", "return fooBar( x )", True),
        ('f("a")', "f('a')", True),
        ("fooBar", "foobar", False),
        ("a.b", "a,b", False),
        ("", "", True),
    ],
)
def test_exact_match(prediction: str, truth: str, expected: bool) -> None:
    assert metrics.exact_match(prediction, truth) is expected


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_published_code_says_the_same(case: dict[str, Any]) -> None:
    """The figures are outputs of RepoEval's and CrossCodeEval's own scripts."""
    prediction, truth = case["prediction"], case["truth"]
    assert metrics.exact_match(prediction, truth) is case["exact"]
    assert metrics.ratio_similarity(prediction, truth) == case["ratio"] / 100
    assert metrics.identifier_match(prediction, truth, "python") is case["names_exact"]
    assert metrics.identifier_f1(prediction, truth, "python") == case["names_f1"]
    # RepoEval leaves a pair of empty texts out of its sum; a pair that agrees is 1 here.
    assert metrics.edit_similarity(prediction, truth) == (case["similarity"] if prediction or truth else 1.0)


def test_similarities_use_their_own_definitions() -> None:
    assert metrics.edit_similarity(" abcd", "abxd ") == pytest.approx(0.75)
    assert metrics.ratio_similarity("abcd", "abxd") == pytest.approx(0.75)
    assert metrics.edit_similarity("ab", "abcd") == pytest.approx(0.5)
    assert metrics.ratio_similarity("ab", "abcd") == 0.67
    assert metrics.edit_similarity("", "") == metrics.ratio_similarity("", "") == 1.0
    assert metrics.edit_similarity("", "abc") == metrics.ratio_similarity("", "abc") == 0.0


def test_names_are_counted_outside_strings_comments_and_keywords() -> None:
    assert metrics.identifiers("for foo in bar('baz'):  # note", "python") == ["foo", "bar"]
    assert metrics.identifiers("public int foo = new Bar(); // note", "java") == ["foo", "Bar"]
    assert metrics.identifiers("func foo(x int) { return x }", "go") == ["foo", "x", "int", "x"]
    assert metrics.identifiers("any words", "text") == ["any", "words"]
    assert metrics.identifier_f1("foo(bar)", "foo(qux)", "python") == pytest.approx(0.5)
    assert not metrics.identifier_match("foo(bar)", "bar(foo)", "python")
