"""Answers are cut as the benchmarks prescribe."""

from __future__ import annotations

import pytest

from repocomp.document import Document
from repocomp.evaluate.cut import longest_parseable, published
from repocomp.evaluate.holes import Hole, HoleKind


def hole(truth: str, kind: HoleKind) -> Hole:
    return Hole(Document("a.py", truth.encode()), 0, len(truth.encode()), kind)


@pytest.mark.parametrize(("truth", "expected"), [("x", "a"), ("x\ny", "a\nb"), ("x\ny\nz\nw\n", "a\nb\nc")])
def test_lines_are_cut_to_the_truth(truth: str, expected: str) -> None:
    assert published("a\nb\nc", hole(truth, "line")) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = 1\n    return x", "x = 1\n    return x"),
        ("x = 1\n    return (x", "x = 1"),
        ("if x:\n        y = 1\n    else:", "if x:\n        y = 1"),
        ("for x in y:", "for x in y:"),
        ("pass", "pass"),
        ("", ""),
    ],
)
def test_functions_are_cut_to_what_parses(body: str, expected: str) -> None:
    assert longest_parseable(body) == expected
    assert published(body, hole("pass", "function")) == expected
