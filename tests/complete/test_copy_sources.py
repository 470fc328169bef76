"""What may be copied from, in an order in which the cursor's own text comes last."""

from __future__ import annotations

import pytest

from repocomp.complete.copy_sources import REACH_BYTES, ngram_cache, said_twice
from repocomp.document import Document
from repocomp.generate.local.ngram_cache import MAX_ORDER, NgramCache
from repocomp.model.families import FimTokens
from repocomp.model.pack import Budgets, CacheMixture
from repocomp.prompt import window as prompt
from tests.complete.fakes import ByteTokenizer, hit

FAR = b"def far_away(alpha):\n    return alpha.beta\n"
FILLER = b"x = 1\n" * 300
TOKENS = FimTokens()
ENCODE = ByteTokenizer().encode
VOTE = CacheMixture(lead=0.5, decay=1.0).vote


def cache_at(data: bytes, offset: int, *texts: str) -> tuple[NgramCache, prompt.Context]:
    document = Document("a.py", data)
    cursor = document.at_offset(offset)
    context = prompt.context(document, cursor, Budgets(left=300, right=60), ENCODE, TOKENS)
    return ngram_cache(document, cursor, context, [hit(text) for text in texts], ENCODE, VOTE), context


def guess(cache: NgramCache, count: int = 5) -> str:
    return ByteTokenizer().decode(cache.guess(cache.places(), count))


def test_the_file_is_read_beyond_the_prompt_on_both_sides() -> None:
    above, below = FAR + FILLER + b"far_away(alp", b"\n" + FILLER + FAR
    cache, context = cache_at(above, len(above))
    assert "far_away(alpha" not in context.left
    assert guess(cache, 8) == "alpha):\n"
    start = FILLER + b"far_away(alp"
    cache, context = cache_at(start + below, len(start))
    assert "far_away" not in context.right
    assert guess(cache, 8) == "alpha):\n"


def test_every_chunk_is_read() -> None:
    cache, _ = cache_at(b"connection.op", 13, "connection.open_all()\n", "unrelated\n")
    assert guess(cache, 9) == "open_all("


def test_places_vote_by_the_rank_of_their_hit_and_once_in_the_file() -> None:
    cache, _ = cache_at(b"key = a\nkey = ", 14, "key = b", "key = c")
    places = cache.places()
    longest = places.orders == places.longest
    votes = dict(zip(places.following[longest].tolist(), places.votes[longest].tolist(), strict=True))
    expected = {"a": 1.0, "b": VOTE(1), "c": VOTE(2)}
    assert votes == pytest.approx({ENCODE(letter)[0]: vote for letter, vote in expected.items()})
    assert VOTE(2) == pytest.approx(VOTE(1) / 2)


def test_nothing_is_copied_across_a_seam() -> None:
    cache, _ = cache_at(b"abc", 3, "zzabc", "def")
    assert guess(cache) == ""


def test_the_reach_is_bounded() -> None:
    text = b"unique_word(one)\n" + b"y = 2\n" * (REACH_BYTES // 3) + b"unique_word(o"
    cache, _ = cache_at(text, len(text))
    assert cache.places().longest < MAX_ORDER


def test_windows_line_ends_are_read_as_plain_ones() -> None:
    text = FAR.replace(b"\n", b"\r\n") + b"def far_away(alpha)"
    cache, _ = cache_at(text, len(text))
    assert guess(cache, 6) == ":\n    "


@pytest.mark.parametrize("size", [4, 5, 8])
def test_nothing_goes_round_a_third_time(size: int) -> None:
    circle = [*range(10, 10 + size)]
    assert said_twice([1, *circle, *circle], ()) == [10]
    assert said_twice([1, *circle, *circle[:-1]], ()) == []
    assert said_twice([1, *circle, *circle, 10], ()) == [11]
    assert said_twice([*circle, 1, *circle], ()) == []


def test_short_circles_are_left_after_eight_tokens() -> None:
    assert said_twice([7] * 7, ()) == []
    assert said_twice([7] * 8, ()) == [7]
    assert said_twice([7, 8, 7, 8, 7, 8, 7], ()) == []
    assert said_twice([7, 8, 7, 8, 7, 8, 7, 8], ()) == [7]


def test_lines_that_come_again_are_left_to_the_stop_rule() -> None:
    line = [10, 11, 12, 13, 99]
    assert said_twice([*line, *line], {99}) == []
