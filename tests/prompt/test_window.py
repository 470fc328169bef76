"""The window keeps its budgets, loses nothing near the cursor, and does not move while somebody types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.document import Document
from repocomp.prompt import window as windows
from repocomp.prompt.window import Healing, Window

LEFT, RIGHT = 120, 60


def encode(text: str) -> list[int]:
    """One id a byte: the worst tokenizer there is, so budgets bind early."""
    return [100 + byte for byte in text.encode()]


def cut(data: bytes, offset: int, left: int = LEFT, right: int = RIGHT) -> Window:
    document = Document("a.py", data)
    return windows.cut(document, document.at_offset(offset), left, right, encode)


@st.composite
def places(draw: st.DrawFn) -> tuple[bytes, int]:
    text = draw(st.text(alphabet="ab \té𝒳\n", max_size=400))
    at = draw(st.integers(0, len(text)))
    return text.encode(), len(text[:at].encode())


@given(places())
def test_both_sides_touch_the_cursor_and_keep_their_budgets(place: tuple[bytes, int]) -> None:
    data, offset = place
    window = cut(data, offset)
    assert data[:offset].decode().endswith(window.left)
    assert data[offset:].decode().startswith(window.right)
    assert len(window.left_ids) <= LEFT
    assert len(window.right_ids) <= RIGHT


@given(places())
def test_the_visible_lines_are_those_of_the_texts(place: tuple[bytes, int]) -> None:
    data, offset = place
    window = cut(data, offset)
    line = data.count(b"\n", 0, offset) + 1
    assert window.first_line == line - window.left.count("\n")
    assert window.last_line == line + window.right.count("\n")


def test_a_short_file_is_seen_whole() -> None:
    window = cut(b"import os\nos.path\n", 13)
    assert (window.left, window.right) == ("import os\nos.", "path\n")


def test_typing_moves_the_cut_rarely() -> None:
    text = b"".join(b"value_%d = %d\n" % (n, n) for n in range(400))
    starts = []
    for typed in range(200):
        data = text + b"x" * typed
        window = cut(data, len(data), left=1500)
        starts.append(len(data) - len(window.left))
    assert len(set(starts)) <= 2


def test_a_cut_falls_on_a_line_start_where_lines_are_short() -> None:
    text = b"".join(b"value_%d = %d\n" % (n, n) for n in range(400))
    window = cut(text, 3000, left=1500, right=300)
    assert window.left.startswith("value_")
    assert window.right.endswith("\n")
    assert len(window.left_ids) > 1500 - 2 * windows.ANCHOR_BYTES


def test_windows_line_ends_are_read_as_plain_ones() -> None:
    window = cut(b"a\r\nb\r\nc\r\n", 4)
    assert (window.left, window.right) == ("a\nb", "\nc\n")


def test_one_line_of_megabytes_is_cut_inside_the_line() -> None:
    data = "é".encode() * 2_000_000
    window = cut(data, 2_000_000)
    assert set(window.left) == {"é"}
    assert 0 < len(window.left_ids) <= LEFT


@pytest.mark.parametrize(
    ("left", "end"),
    [
        ("x = fro", " fro"),
        ("    retu", "retu"),
        ("self.con", "con"),
        ("f(al", "al"),
        ("x  = y", " y"),
        ("a1", "a1"),
        ("12", ""),
        ("x" * 41, ""),
        ("größe = na", " na"),
        ("größ", "größ"),
        ("", ""),
        # White space behind text, however much of it and whatever stands before.
        ("x = ", " "),
        ("    return ", " "),
        ("f(a, ", " "),
        ("x = 1  ", "  "),
        ("x\t", "\t"),
        ("- uses: ", " "),
        ("# a comment ", " "),
        # Punctuation, which may be the start of a longer token.
        ("f(", "("),
        ("x = f", " f"),
        ("x =", " ="),
        ("self.", "."),
        ('f("', '("'),
        ("x = [", " ["),
        ("=" * 41, ""),
        # Indentation is what its author wants it to be,
        ("def f():\n    ", ""),
        ("x = 1\n", ""),
        ("    ", ""),
        ("if x {\n\t\t", ""),
        # but a body is deeper than what opens it.
        ("def f():\n", "\n"),
        ("class A:\n    def f():\n    ", "\n    "),
        ("\tif x {\n\t", "\n\t"),
        ("def f():\n\n", ""),
        ("def f():", ""),
        ("if x {", ""),
        ("xs.map(x =>", ""),
    ],
)
def test_what_a_longer_token_may_begin_with_is_left_for_the_model_to_write(left: str, end: str) -> None:
    window = cut(left.encode(), len(left.encode()))
    assert window.open_end == end
    assert window.left == left
    assert list(window.left_ids) == encode(left.removesuffix(end))


def test_an_opening_bracket_with_text_behind_is_written_anew() -> None:
    assert cut(b"x = {}", 5).open_end == " {"


def test_a_keystroke_leaves_what_was_read_before_as_it_was() -> None:
    line = 'value = load("settings.toml", encoding="utf-8") or None'
    text = "import os\n\n\ndef f():\n    " + line
    for end in range(len(text) - len(line) + 1, len(text)):
        before, after = cut(text[:end].encode(), end), cut(text[: end + 1].encode(), end + 1)
        ids = before.left_ids
        assert after.left_ids[: len(ids)] == ids, text[:end]


def test_a_byte_order_mark_is_not_shown() -> None:
    data = "\ufeffimport os\r\nx = 1\r\n".encode()
    assert cut(data, len(data)).left == "import os\nx = 1\n"
    assert cut(data, 0).right == "import os\nx = 1\n"


@pytest.mark.parametrize(
    ("left", "healed"),
    [
        ("x = foo.", ""),
        ("x = fo", " fo"),
        ("return ", " "),
        ("f(", ""),
        ("a\t", "\t"),
        ("x = (", ""),
        ("if x:\n    ", ""),
    ],
)
def test_without_punctuation_words_and_white_space_are_healed_alone(left: str, healed: str) -> None:
    assert healed_by("words", left) == healed


@pytest.mark.parametrize(
    ("left", "healed"),
    [
        ("x = foo.", "."),
        ("x = foo.b", ".b"),
        ("x = fo", " fo"),
        ("return ", " "),
        ("f(", "("),
        ("f(self", "(self"),
        ("x = (", " ("),
        ("a\t", "\t"),
        ("x = 1  ", "  "),
        ("x" * 41, ""),
        # The token of a word begins with the last blank of the indentation before it.
        ("def f():\n    ", " "),
        ("def f():\n    ret", " ret"),
        ("if x {\n\t\t", "\t"),
        ("if x {\n\t\tret", "\tret"),
        ("def f():\n", ""),
        ("de", "de"),
        ("", ""),
    ],
)
def test_any_token_that_may_go_on_behind_the_cursor_is_healed(left: str, healed: str) -> None:
    assert healed_by("any", left) == healed


def healed_by(healing: Healing, left: str) -> str:
    document = Document("a.py", left.encode())
    return windows.cut(document, document.at_offset(len(left)), LEFT, RIGHT, encode, healing).open_end
