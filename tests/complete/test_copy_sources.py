"""What may be copied from, in an order in which the cursor's own text comes last."""

from __future__ import annotations

import pytest

from repocomp.complete.copy_sources import REACH_BYTES, copy_sources
from repocomp.document import Document
from repocomp.generate.generator import Task
from repocomp.generate.local.copying import ngram_cache
from repocomp.generate.local.ngram_cache import MAX_ORDER, NgramCache
from repocomp.model.pack import CacheMixture
from repocomp.prompt import window as windows
from repocomp.prompt.window import Window
from repocomp.secrets.redaction import REDACTED
from tests.complete.fakes import ByteTokenizer, hit

FAR = b"def far_away(alpha):\n    return alpha.beta\n"
FILLER = b"x = 1\n" * 300
ENCODE = ByteTokenizer().encode
VOTE = CacheMixture(lead=0.5, decay=1.0).vote


def cache_at(data: bytes, offset: int, *texts: str) -> tuple[NgramCache, Window]:
    document = Document("a.py", data)
    cursor = document.at_offset(offset)
    window = windows.cut(document, cursor, 300, 60, ENCODE)
    sources = copy_sources(document, cursor, window, [hit(text) for text in texts])
    return ngram_cache(Task(window, (), sources), ENCODE, VOTE), window


def guess(cache: NgramCache, count: int = 5) -> str:
    return ByteTokenizer().decode(cache.guess(cache.places(), count))


def test_the_file_is_read_beyond_the_prompt_on_both_sides() -> None:
    above, below = FAR + FILLER + b"far_away(alp", b"\n" + FILLER + FAR
    cache, window = cache_at(above, len(above))
    assert "far_away(alpha" not in window.left
    assert guess(cache, 8) == "alpha):\n"
    start = FILLER + b"far_away(alp"
    cache, window = cache_at(start + below, len(start))
    assert "far_away" not in window.right
    assert guess(cache, 8) == "alpha):\n"


def test_every_chunk_is_read() -> None:
    cache, _ = cache_at(b"connection.op", 13, "connection.open_all()\n", "unrelated\n")
    assert guess(cache, 9) == "open_all("


def test_places_vote_by_the_rank_of_their_hit_and_once_in_the_file() -> None:
    cache, _ = cache_at(b"key 0a\nkey 0", 12, "key 0b", "key 0c")
    places = cache.places()
    longest = places.orders == places.longest
    votes = dict(zip(places.following[longest].tolist(), places.votes[longest].tolist(), strict=True))
    expected = {"a": 1.0, "b": VOTE(1), "c": VOTE(2)}
    assert votes == pytest.approx({ENCODE(letter)[0]: vote for letter, vote in expected.items()})
    assert VOTE(2) == pytest.approx(VOTE(1) / 2)


def test_nothing_is_copied_across_a_seam() -> None:
    cache, _ = cache_at(b"abc", 3, "zzabc", "def")
    assert guess(cache) == ""


def test_nothing_is_copied_across_a_secret_that_was_taken_out() -> None:
    cache, _ = cache_at(b"token = alpha", 13, f"token = alpha{REDACTED}beta\nother = 1")
    assert guess(cache, 8) in ("", " alpha", "alpha")


def test_the_reach_is_bounded() -> None:
    text = b"unique_word(one)\n" + b"y = 2\n" * (REACH_BYTES // 3) + b"unique_word(o"
    cache, _ = cache_at(text, len(text))
    assert cache.places().longest < MAX_ORDER


def test_windows_line_ends_are_read_as_plain_ones() -> None:
    text = FAR.replace(b"\n", b"\r\n") + b"def far_away(alpha"
    cache, _ = cache_at(text, len(text))
    assert guess(cache, 12) == "alpha):\n    "
