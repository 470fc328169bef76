"""Cursors round-trip in every encoding, and a document is its prefix and its suffix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.document import Document, PositionEncoding
from repocomp.errors import CursorError, DocumentError

TEXT = st.text(alphabet="ab\t é𝒳\n\r", max_size=60)


@given(TEXT, st.data(), st.sampled_from(PositionEncoding))
def test_every_offset_round_trips_through_line_and_column(
    text: str, data: st.DataObject, encoding: PositionEncoding
) -> None:
    document = Document("a", text.encode())
    at = data.draw(st.integers(0, len(text)))
    position = document.at_offset(len(text[:at].encode()))
    if text[at - 1 : at + 1] == "\r\n":
        # Between the two halves of a line end no editor can stand.
        assert position == document.at_offset(len(text[: at - 1].encode()))
    column = document.column(position, encoding)
    assert document.at(position.line, column, encoding) == position
    assert document.data[: position.offset] + document.data[position.offset :] == document.data


@given(TEXT)
def test_lines_are_those_an_editor_counts(text: str) -> None:
    document = Document("a", text.encode())
    assert document.line_count == text.count("\n") + 1
    *ended, last = text.split("\n")
    lines = [document.line(n).decode() for n in range(1, document.line_count + 1)]
    assert lines == [*(line.removesuffix("\r") for line in ended), last]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [(0, 1, "has 2 lines"), (3, 1, "has 2 lines"), (1, 0, "columns 1 to 4"), (1, 5, "columns 1 to 4")],
)
def test_outside_the_document_is_an_error_that_says_what_is_inside(line: int, column: int, message: str) -> None:
    with pytest.raises(CursorError, match=message):
        Document("a", b"abc\nd").at(line, column)


def test_a_column_inside_a_character_is_an_error() -> None:
    document = Document("a", "é𝒳".encode())
    with pytest.raises(CursorError, match="splits a character"):
        document.at(1, 2)
    with pytest.raises(CursorError, match="splits a character"):
        document.at(1, 3, PositionEncoding.UTF16)
    with pytest.raises(CursorError, match="splits a character"):
        document.at_offset(1)
    with pytest.raises(CursorError, match="has 6 bytes"):
        document.at_offset(7)


def test_encodings_count_their_own_units() -> None:
    document = Document("a", "é𝒳x".encode())
    offsets = [
        document.at(1, column, encoding).offset
        for encoding, column in [(PositionEncoding.UTF8, 7), (PositionEncoding.UTF16, 4), (PositionEncoding.UTF32, 3)]
    ]
    assert offsets == [6, 6, 6]


def test_windows_line_ends_are_seen_and_kept() -> None:
    document = Document("a", b"one\r\ntwo\r\n")
    assert document.at(1, 4).offset == 3
    with pytest.raises(CursorError):
        document.at(1, 5)


@pytest.mark.parametrize(
    ("data", "line", "newline"),
    [
        (b"one\r\ntwo\r\n", 1, "\r\n"),
        (b"one\r\ntwo", 2, "\r\n"),
        (b"one\ntwo\r\nthree\n", 1, "\n"),
        (b"one\ntwo\r\nthree\n", 2, "\r\n"),
        (b"one\ntwo\r\nthree\n", 3, "\n"),
        (b"one\r\ntwo\nthree", 3, "\n"),
        (b"one", 1, "\n"),
        (b"\n", 1, "\n"),
        (b"", 1, "\n"),
    ],
)
def test_a_line_end_is_that_of_the_line_or_the_one_above(data: bytes, line: int, newline: str) -> None:
    document = Document("a", data)
    assert document.newline_at(document.at(line, 1)) == newline


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    data = "\ufeffimport os\r\nx = 1\r\n".encode()
    document = Document("a.py", data)
    assert document.line(1) == b"import os"
    assert document.at(1, 1).offset == 3
    assert document.at(1, 7).offset == 9
    assert [document.at_offset(at).offset for at in (0, 3, 4)] == [3, 3, 4]
    assert document.at(2, 1).offset == 14
    with pytest.raises(CursorError, match="columns 1 to 10"):
        document.at(1, 11)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"a\0b", "binary"), (b"ok\nna\xefve", r"f:2: is not UTF-8 \(byte 0xef at offset 5\)")],
)
def test_what_is_not_text_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        Document.from_bytes("f", data)


def test_an_empty_file_has_one_place() -> None:
    document = Document.from_bytes("a", b"")
    assert document.at(1, 1).offset == 0
