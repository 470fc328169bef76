"""Documents under edits: whatever is typed, and in whatever units, the text is what an editor would have."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.document import PositionEncoding
from repocomp.serve.lsp.text import Text

PIECES = ["a", "word ", "    ", "\t", "\n", "\r\n", "\r", "é", "漢", "𝄞", "😀", "e\u0301", "\u2028", "\x0c", "\ufeff"]
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


class Reference:
    """An editor's own document, kept the plain way: one string, searched from its beginning for each position."""

    def __init__(self, text: str, encoding: PositionEncoding) -> None:
        self.text = text
        self.codec, self.width = CODECS[encoding.value]

    def position(self, offset: int) -> dict[str, int]:
        ends = [match.end() for match in re.finditer(r"\r\n|\r|\n", self.text) if match.end() <= offset]
        start = ends[-1] if ends else 0
        units = len(self.text[start:offset].encode(self.codec)) // self.width
        return {"line": len(ends), "character": units}

    def splits_line_end(self, offset: int) -> bool:
        return self.text[offset - 1 : offset + 1] == "\r\n"


def edit(rng: random.Random, reference: Reference) -> dict[str, Any]:
    """A random edit, made in the reference and as the protocol says it."""
    new = "".join(rng.choices(PIECES, k=rng.choice([0, 1, 1, 2, 8, 16])))
    if rng.random() < 0.003:
        reference.text = new
        return {"text": new}
    while True:
        start = rng.randrange(len(reference.text) + 1)
        end = min(len(reference.text), start + rng.choice([0, 0, 0, 1, 2, 5, 30]))
        if not reference.splits_line_end(start) and not reference.splits_line_end(end):
            break
    change = {"range": {"start": reference.position(start), "end": reference.position(end)}, "text": new}
    reference.text = reference.text[:start] + new + reference.text[end:]
    return change


@pytest.mark.parametrize("encoding", PositionEncoding)
def test_ten_thousand_random_edits_leave_the_editors_document(encoding: PositionEncoding) -> None:
    rng = random.Random(encoding.value)
    start = "\ufeffdef f():\r\n    return '😀'\rx = 1\n"
    reference, text = Reference(start, encoding), Text(start, encoding)
    longest = 0
    for number in range(10_000):
        change = edit(rng, reference)
        text.change(change)
        assert str(text) == reference.text, (number, change)
        longest = max(longest, len(reference.text))
    assert longest > 500


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(PositionEncoding), st.data())
def test_a_position_and_the_text_before_it_belong_together(
    source: str, encoding: PositionEncoding, data: st.DataObject
) -> None:
    reference, text = Reference(source, encoding), Text(source, encoding)
    offset = data.draw(st.integers(0, len(source)).filter(lambda at: not reference.splits_line_end(at)))
    position = reference.position(offset)
    assert text.until(position) == source[:offset]
    line, before = text.place(position)
    assert text.position(line, len(before)) == position


@pytest.mark.parametrize(
    ("position", "before"),
    [
        ({"line": 0, "character": 99}, "x😀y"),
        ({"line": 99, "character": 0}, "x😀y\r\nz"),
        ({"line": 0, "character": 2}, "x"),
        ({"line": 0, "character": 3}, "x😀"),
        ({"line": 1, "character": 99}, "x😀y\r\nz"),
    ],
)
def test_positions_outside_move_to_the_nearest_place(position: dict[str, int], before: str) -> None:
    assert Text("x😀y\r\nz", PositionEncoding.UTF16).until(position) == before


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"text": 7},
        {"text": "x", "range": {}},
        {"text": "x", "range": {"start": {"line": 0, "character": 1}, "end": {"line": 0, "character": 0}}},
        {"text": "x", "range": {"start": {"line": -1, "character": 0}, "end": {"line": 0, "character": 0}}},
        {"text": "x", "range": {"start": {"line": "0", "character": 0}, "end": {"line": 0, "character": 0}}},
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(change: dict[str, object]) -> None:
    text = Text("ab\n", PositionEncoding.UTF16)
    with pytest.raises((KeyError, TypeError, ValueError)):
        text.change(change)
    assert str(text) == "ab\n"
