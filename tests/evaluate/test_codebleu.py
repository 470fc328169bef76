"""CodeBLEU: equal code is 1, foreign code near 0, and each part sees what it is for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.evaluate.codebleu import codebleu

SUM = "def total(rows):\n    found = 0\n    for row in rows:\n        found = found + row.size\n    return found\n"
RENAMED = SUM.replace("found", "acc").replace("rows", "items").replace("row", "one")
OTHER = "class Queue:\n    limit = 5\n\n    def push(self, item):\n        self.items.append(item)\n"


@pytest.mark.parametrize(
    ("code", "language"),
    [(SUM, "python"), ("const a = b + 1;\nfor (const x of a) { y = x; }\n", "javascript"), ("let a = b;\n", "rust")],
)
def test_equal_code_scores_one_in_every_part(code: str, language: str) -> None:
    score = codebleu(code, code, language)
    assert (score.ngram, score.weighted, score.syntax) == pytest.approx((1, 1, 1))
    assert score.dataflow == 1
    assert score.total == pytest.approx(1)


def test_renaming_changes_words_but_neither_tree_nor_data_flow() -> None:
    score = codebleu(RENAMED, SUM, "python")
    assert score.ngram < 0.6
    assert (score.syntax, score.dataflow) == (1, 1)
    assert score.weighted > score.ngram


def test_what_is_less_alike_scores_less() -> None:
    assert codebleu(OTHER, SUM, "python").total < 0.35 < codebleu(RENAMED, SUM, "python").total < 1


def test_data_flow_sees_where_a_value_comes_from() -> None:
    assert codebleu("a = b\n", "a = b\n", "python").dataflow == 1
    assert codebleu("a = a\n", "a = b\n", "python").dataflow == 0
    assert codebleu("a = b\n", "print(b)\n", "python").dataflow is None


def test_text_without_a_grammar_is_compared_by_words() -> None:
    score = codebleu("one two three four", "one two three four", "text")
    assert (score.ngram, score.syntax, score.dataflow) == (1, 1, None)


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_part_stays_between_zero_and_one(candidate: str, reference: str) -> None:
    score = codebleu(candidate, reference, "python")
    for part in (score.ngram, score.weighted, score.syntax, score.dataflow or 0.0):
        assert 0 <= part <= 1 + 1e-9
