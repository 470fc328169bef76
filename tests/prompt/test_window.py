"""The prompt keeps its budgets, loses nothing near the cursor, and does not move while somebody types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.document import Document
from repocomp.model.families import FimTokens
from repocomp.model.pack import Budgets, Layout
from repocomp.prompt import window as prompt

TOKENS = FimTokens()
BUDGETS = Budgets(left=120, right=60, cross_file=80, middle=20)


def encode(text: str) -> list[int]:
    """One id a byte: the worst tokenizer there is, so budgets bind early."""
    return [100 + byte for byte in text.encode()]


def cut(data: bytes, offset: int) -> prompt.Context:
    document = Document("a.py", data)
    return prompt.context(document, document.at_offset(offset), BUDGETS, encode, TOKENS)


@st.composite
def places(draw: st.DrawFn) -> tuple[bytes, int]:
    text = draw(st.text(alphabet="ab \té𝒳\n", max_size=400))
    at = draw(st.integers(0, len(text)))
    return text.encode(), len(text[:at].encode())


@given(places())
def test_both_sides_touch_the_cursor_and_keep_their_budgets(place: tuple[bytes, int]) -> None:
    data, offset = place
    context = cut(data, offset)
    assert data[:offset].decode().endswith(context.left)
    assert data[offset:].decode().startswith(context.right)
    assert len(context.left_ids) <= BUDGETS.left
    assert len(context.right_ids) <= BUDGETS.right


@given(places())
def test_the_visible_lines_are_those_of_the_texts(place: tuple[bytes, int]) -> None:
    data, offset = place
    context = cut(data, offset)
    line = data.count(b"\n", 0, offset) + 1
    assert context.first_line == line - context.left.count("\n")
    assert context.last_line == line + context.right.count("\n")


def test_a_short_file_is_seen_whole() -> None:
    context = cut(b"import os\nos.path\n", 13)
    assert (context.left, context.right) == ("import os\nos.", "path\n")


def test_typing_moves_the_cut_rarely() -> None:
    text = b"".join(b"value_%d = %d\n" % (n, n) for n in range(400))
    budgets = Budgets(left=1500, right=60, cross_file=80, middle=20)
    starts = []
    for typed in range(200):
        data = text + b"x" * typed
        document = Document("a.py", data)
        context = prompt.context(document, document.at_offset(len(data)), budgets, encode, TOKENS)
        starts.append(len(data) - len(context.left))
    assert len(set(starts)) <= 2


def test_a_cut_falls_on_a_line_start_where_lines_are_short() -> None:
    text = b"".join(b"value_%d = %d\n" % (n, n) for n in range(400))
    document = Document("a.py", text)
    budgets = Budgets(left=1500, right=300, cross_file=80, middle=20)
    context = prompt.context(document, document.at_offset(3000), budgets, encode, TOKENS)
    assert context.left.startswith("value_")
    assert context.right.endswith("\n")
    assert len(context.left_ids) > budgets.left - 2 * prompt.ANCHOR_BYTES


def test_windows_line_ends_are_read_as_plain_ones() -> None:
    context = cut(b"a\r\nb\r\nc\r\n", 4)
    assert (context.left, context.right) == ("a\nb", "\nc\n")


def test_one_line_of_megabytes_is_cut_inside_the_line() -> None:
    data = "é".encode() * 2_000_000
    context = cut(data, 2_000_000)
    assert set(context.left) == {"é"}
    assert 0 < len(context.left_ids) <= BUDGETS.left


def test_a_long_path_leaves_room_for_code() -> None:
    document = Document("d/" * 200 + "a.py", b"x = 1\n" * 200)
    context = prompt.context(document, document.at_offset(1200), BUDGETS, encode, TOKENS)
    assert len(context.left_ids) <= BUDGETS.left
    assert context.left.endswith("x = 1\n")


def test_order_of_the_shared_part_and_of_the_branches() -> None:
    context = prompt.Context("L", "R", (6,), "", (1001,), (1002,), 1, 1)
    assert prompt.shared_ids(context, TOKENS, "spm") == [2, 1002, 1, 6, 1001, 4]
    assert prompt.shared_ids(context, TOKENS, "psm") == [1, 6, 1001, 2, 1002, 4]


@pytest.mark.parametrize("layout", ["spm", "psm"])
def test_the_left_end_is_said_again_behind_the_context(layout: Layout) -> None:
    left = tuple(range(1000, 1100))
    context = prompt.Context("L", "R", (6,), "", left, (2002,), 1, 1)
    shared = prompt.shared_ids(context, TOKENS, layout)
    assert prompt.branch_ids([], shared, TOKENS) == [3]
    assert prompt.branch_ids([7, 8], shared, TOKENS) == [5, 7, 8, *left[-prompt.ECHO_TOKENS :], 4, 3]
    short = prompt.shared_ids(prompt.Context("L", "R", (6,), "", (1001,), (2002,), 1, 1), TOKENS, layout)
    assert prompt.branch_ids([7, 8], short, TOKENS) == [5, 7, 8, 6, 1001, 4, 3]


@pytest.mark.parametrize(
    ("left", "begun"),
    [
        ("x = fro", " fro"),
        ("    retu", "retu"),
        ("self.con", "con"),
        ("f(al", "al"),
        ("x = ", ""),
        ("f(", ""),
        ("x  = y", " y"),
        ("a1", "a1"),
        ("12", ""),
        ("x" * 41, ""),
        ("größe = na", " na"),
        ("", ""),
    ],
)
def test_a_word_that_the_cursor_cuts_is_left_for_the_model_to_write(left: str, begun: str) -> None:
    document = Document("a.py", left.encode())
    context = prompt.context(document, document.at_offset(len(left.encode())), BUDGETS, encode, TOKENS)
    assert context.begun == begun
    assert context.left == left
    assert list(context.left_ids) == encode(left.removesuffix(begun))
