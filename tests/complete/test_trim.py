"""Where completions end, case by case: input at `|`, what the model said, what is inserted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.complete import trim
from repocomp.request import Mode


def around(text: str) -> tuple[str, trim.Surroundings]:
    left, _, right = text.partition("|")
    return left, trim.Surroundings.of(left, right)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("x = foo(|)", "line"),
        ("def f():|", "block"),
        ("def f():\n    |", "block"),
        ("def f():\n    |\n\nprint()", "block"),
        ("if (x) {\n\t|\n}", "block"),
        ("x = |", "line"),
        ("x = 1\n|", "line"),
        ("a => |", "block"),
        ("def f(): |# why", "line"),
    ],
)
def test_mode_is_read_from_the_place(text: str, mode: str) -> None:
    left, surroundings = around(text)
    assert trim.choose_mode(left, surroundings) == mode


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("x = |", "foo(1)\ny = 2\n", "foo(1)"),
        ("x = foo(|)", "1, 2)", "1, 2"),
        ("x = foo(|)", "bar(1)", "bar(1)"),
        ("x = foo(|)", "bar(1))", "bar(1)"),
        ("if x|:", " == 1:", " == 1"),
        ("if f(|):", "a):", "a"),
        ("x = [|]", "1]", "1"),
        ('print("|")', 'hello")', "hello"),
        ("x = |", "foo(1)   ", "foo(1)"),
        ("def f():|", "\n    return 1\n", "\n    return 1"),
        ("x = |", "   \n", ""),
        ("x = 1\n|\ny = 2\n", "y = 2", "y = 2"),
    ],
)
def test_line(text: str, said: str, expected: str) -> None:
    _, surroundings = around(text)
    assert trim.trim(said, "line", surroundings, finished=True)[0] == expected


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("def f():\n    |", "a = 1\n    return a\n\ndef g():\n    pass", "a = 1\n    return a"),
        ("def f():|\n", "\n    return 1\nx = 2\n", "\n    return 1"),
        ("def f():\n    |\n\nx = 2\n", "return 1\n\nx = 2\n", "return 1"),
        ("f = {\n    |", "'a': 1,\n    'b': 2,\n}\n", "'a': 1,\n    'b': 2,"),
        ("def f():\n    |", "x()\n    x()\n    x()\n    x()\n", "x()\n    x()"),
    ],
)
def test_block(text: str, said: str, expected: str) -> None:
    _, surroundings = around(text)
    assert trim.trim(said, "block", surroundings, finished=True)[0] == expected


def test_a_block_cut_off_by_length_keeps_whole_lines() -> None:
    _, surroundings = around("def f():\n    |")
    assert trim.trim("a = 1\n    b = a.som", "block", surroundings, finished=False)[0] == "a = 1"
    assert trim.trim("a = som", "block", surroundings, finished=False)[0] == "a = som"


@pytest.mark.parametrize(
    ("mode", "text", "said", "reason"),
    [
        ("line", "x = |", "foo(1)", None),
        ("line", "x = |", "foo(1)\n", "line"),
        ("line", "def f():|", "\n    ", None),
        ("line", "def f():|", "\n    return\n", "line"),
        ("block", "def f():\n    |", "a = 1\n    b", None),
        ("block", "def f():\n    |", "a = 1\ndef", "block"),
        ("block", "def f():\n    |\n\nx = 2", "a = 1\n\nx = 2\n", "suffix"),
        ("block", "def f():|", "\n    a = 1\nx", "block"),
    ],
)
def test_generation_stops_as_soon_as_the_end_is_known(mode: Mode, text: str, said: str, reason: str | None) -> None:
    _, surroundings = around(text)
    assert trim.stop_rule(mode, surroundings)(said) == reason


@given(st.text(alphabet="ab()[]{}:,\n  ", max_size=60), st.text(alphabet="ab()|:\n ", max_size=40))
def test_trimming_never_invents_text(said: str, place: str) -> None:
    _, surroundings = around(place)
    for mode in ("line", "block"):
        for finished in (True, False):
            text, filters = trim.trim(said, mode, surroundings, finished=finished)
            assert said.startswith(text)
            assert text == "" or text.strip()
            if not text and said.strip():
                assert filters


PIECES = st.sampled_from(
    ["a", "b(", ")", "}", " ", "    ", "\t", "\n", "\n    ", "\n    x\n", "return x", ":", "x = 1\n", "\n\n"]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@given(
    left=TEXTS,
    right=TEXTS,
    said=TEXTS,
    cut=st.integers(0, 60),
    mode=st.sampled_from(["line", "block"]),
    finished=st.booleans(),
)
def test_what_is_settled_stays_however_it_goes_on(
    left: str, right: str, said: str, cut: int, mode: Mode, finished: bool
) -> None:
    surroundings = trim.Surroundings.of(left, right)
    final, _ = trim.trim(said, mode, surroundings, finished=finished)
    assert final.startswith(trim.settled(said[:cut], mode, surroundings))


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("x = |", "foo(1", "foo(1"),
        ("x = |", "foo(1 ", "foo(1"),
        ("x = foo(|)", "1, 2)", "1, 2"),
        ("x = 1|\ny = 2", "\ny = ", ""),
        ("def f():|", "\n    a = 1\n    b = 2\n    c", "\n    a = 1"),
        ("def f():|\n    a = 2", "\n    a = 1\n    a = 2\n    c", "\n    a = 1"),
        ("def f():|", "\n    a\n    b\n    b\n    b\n", "\n    a\n    b"),
        ("def f():|", "\n    a\n    b\n    b\n    c\n    d\n", "\n    a\n    b\n    b\n    c"),
    ],
)
def test_what_is_settled_is_worth_sending(text: str, said: str, expected: str) -> None:
    left, surroundings = around(text)
    assert trim.settled(said, trim.choose_mode(left, surroundings), surroundings) == expected
