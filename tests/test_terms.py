"""Identifiers fall into the parts that people would read."""

from __future__ import annotations

import pytest

from repocomp.terms import parts, words


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("getHTTPResponse2", ["get", "http", "response", "2"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("__init__", ["init"]),
        ("XMLParser", ["xml", "parser"]),
        ("CONSTANT", ["constant"]),
        ("größe", ["gr", "öß", "e"]),
        ("_", []),
    ],
)
def test_parts(identifier: str, expected: list[str]) -> None:
    assert parts(identifier) == expected


def test_words_keep_order_and_repeats() -> None:
    assert words("a.b(a, c_1)") == ["a", "b", "a", "c_1"]
