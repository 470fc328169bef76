"""Distances against textbook dynamic programming; BLEU at its ends."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from repocomp.stats.sequences import bleu, common_subsequence, levenshtein, share_held

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
    assert levenshtein(a, b) == naive_levenshtein(a, b)


@given(TEXT, TEXT)
def test_common_subsequence_is_the_textbook_length(a: str, b: str) -> None:
    assert common_subsequence(a, b) == naive_common(a, b)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_bleu_is_one_for_equal_sequences_alone_to_weigh(own: list[str], other: list[str]) -> None:
    assert 0.0 <= bleu(own, other) <= 1.0
    assert bleu(own, own) == 1.0
    assert bleu(own, other, {"a": 1.0}) == bleu(own, other)


def test_a_bag_holds_as_often_as_it_has_it() -> None:
    assert share_held(Counter("aab"), Counter("aaac")) == 0.5
    assert share_held(Counter(), Counter()) == 1.0
