"""Fusion by rank, copies once, and a budget that is never exceeded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from repocomp.prompt.snippets import fit
from repocomp.retrieve.features import RRF_K
from repocomp.retrieve.hit import Hit
from repocomp.retrieve.rank import fuse


def hit(content: int, start: int, end: int, arm: str = "a", text: str = "") -> Hit:
    return Hit(content, f"f{content}.py", start, end, 1.0, arm, text or f"text {content} {start}")


def encode(text: str) -> list[int]:
    return [ord(char) for char in text]


def test_a_place_that_two_arms_agree_on_comes_first() -> None:
    fused = fuse({"a": [hit(1, 1, 10), hit(2, 1, 10)], "b": [hit(3, 1, 10, "b"), hit(2, 2, 10, "b")]})
    assert [found.content_id for found in fused] == [2, 1, 3]
    assert fused[0].score == 2 / (RRF_K + 2)


def test_one_place_and_one_text_are_kept_once() -> None:
    fused = fuse({"a": [hit(1, 1, 10), hit(1, 3, 12), hit(2, 1, 4, text="x  = 1"), hit(3, 1, 4, text="x = 1")]})
    assert [(found.content_id, found.start_line) for found in fused] == [(1, 1), (2, 1)]


def test_places_that_barely_touch_are_two() -> None:
    assert len(fuse({"a": [hit(1, 1, 10), hit(1, 10, 19)]})) == 2


def render(path: str, text: str) -> list[int]:
    return [6, *encode(path + "\n"), *encode(text)]


HITS = st.lists(
    st.builds(
        hit, st.integers(1, 9), st.integers(1, 50), st.integers(51, 90), st.just("a"), st.text("ab\n", max_size=90)
    ),
    max_size=8,
    unique_by=lambda found: (found.content_id, found.start_line, found.end_line),
)


@given(HITS, st.integers(1, 200))
def test_the_budget_is_kept_and_the_best_hit_stands_last(hits: list[Hit], budget: int) -> None:
    snippets = fit(hits, render, budget)
    assert sum(len(snippet.ids) for snippet in snippets) <= budget
    order = [hits.index(snippet.hit) for snippet in snippets]
    assert order == sorted(order, reverse=True)
    for snippet in snippets:
        assert snippet.ids[0] == 6
        body = "".join(map(chr, snippet.ids[1:])).removeprefix(snippet.hit.path + "\n")
        assert (snippet.hit.text + "\n").startswith(body.rstrip("\n"))


def test_without_a_budget_the_first_hits_are_named_and_not_read() -> None:
    hits = [hit(number, 1, 20, "a", "x = 1") for number in range(1, 13)]
    snippets = fit(hits, render, 0)
    assert [snippet.hit for snippet in snippets] == hits[:10][::-1]
    assert {snippet.ids for snippet in snippets} == {()}
    assert fit([], render, 0) == []


def test_the_last_one_is_cut_at_a_line_end() -> None:
    (snippet,) = fit([hit(1, 1, 9, text="\n".join(f"line {n}" for n in range(9)))], render, 40)
    assert "".join(map(chr, snippet.ids[1:])).endswith("\n")
    assert 24 <= len(snippet.ids) <= 40
