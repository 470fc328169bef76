"""What is said of every chunk that was drawn: kept, merged, crowded out, or a copy."""

from __future__ import annotations

from repocomp.retrieve.hit import Hit
from repocomp.retrieve.rank import fuse
from repocomp.retrieve.trace import trace


def hit(arm: str, content: int, start: int, end: int, text: str) -> Hit:
    return Hit(content, f"{content}.py", start, end, 9.0 - content, arm, text)


def test_each_draw_has_its_fate() -> None:
    wide, inside = hit("bm25", 1, 1, 20, "a\nb"), hit("structured", 1, 3, 6, "b")
    copy, other = hit("bm25", 2, 1, 2, "a  b"), hit("structured", 3, 1, 9, "c")
    drawn = {"bm25": [wide, copy], "structured": [inside, other]}
    ranked = fuse(drawn)
    assert [(one.content_id, one.start_line) for one in ranked] == [(1, 1), (3, 1)]
    found = trace(drawn, ranked, ranked[:1])
    assert [(draw.arm, draw.rank, draw.kept, draw.reason) for draw in found] == [
        ("bm25", 1, True, "number 1 of 2"),
        ("bm25", 2, False, "says the same as a better one"),
        ("structured", 1, True, "number 1 of 2, as lines 1-20"),
        ("structured", 2, False, "no room: number 2 of 2"),
    ]
    assert [draw.score for draw in found] == [8.0, 7.0, 8.0, 6.0]
    assert found[0].fused == found[2].fused == round(2 / 61, 5)
    assert found[1].fused is None
