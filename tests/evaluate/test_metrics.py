"""Distances against textbook dynamic programming; the metrics on cases with known answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.evaluate import metrics

TEXT = st.text(alphabet="ab(X_ é\n", max_size=30)


def naive_levenshtein(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def naive_common(a: str, b: str) -> int:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if x == y else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


@given(TEXT, TEXT)
def test_levenshtein_is_the_textbook_distance(a: str, b: str) -> None:
    assert metrics.levenshtein(a, b) == naive_levenshtein(a, b)


@given(TEXT, TEXT)
def test_common_subsequence_is_the_textbook_length(a: str, b: str) -> None:
    assert metrics.common_subsequence(a, b) == naive_common(a, b)


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


def test_similarities_use_their_own_definitions() -> None:
    assert metrics.edit_similarity(" abcd", "abxd ") == pytest.approx(0.75)
    assert metrics.ratio_similarity("abcd", "abxd") == pytest.approx(0.75)
    assert metrics.edit_similarity("ab", "abcd") == pytest.approx(0.5)
    assert metrics.ratio_similarity("ab", "abcd") == pytest.approx(2 / 3)
    assert metrics.edit_similarity("", "") == metrics.ratio_similarity("", "") == 1.0
    assert metrics.edit_similarity("", "abc") == metrics.ratio_similarity("", "abc") == 0.0


def test_identifiers_are_counted_outside_strings() -> None:
    assert metrics.identifier_f1("foo(bar)", "foo(bar, 'baz')") == 1.0
    assert metrics.identifier_f1("foo(bar)", "foo(qux)") == pytest.approx(0.5)
    assert metrics.identifier_f1("1 + 2", "3") == 1.0
    assert metrics.identifier_f1("", "foo") == 0.0
