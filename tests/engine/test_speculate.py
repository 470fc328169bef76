from __future__ import annotations

from repocomp.engine.speculate import NgramLookup


def test_guesses_what_followed_the_last_pair() -> None:
    assert NgramLookup([1, 2, 3, 4, 5, 1, 2], 2).guess() == [3, 4]


def test_the_longer_match_wins_over_the_later_one() -> None:
    assert NgramLookup([7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2], 1).guess() == [3]


def test_the_later_of_equal_matches_wins() -> None:
    assert NgramLookup([1, 2, 3, 0, 1, 2, 4, 0, 9, 1, 2], 1).guess() == [4]


def test_no_match_no_guess() -> None:
    assert NgramLookup([1, 2, 3], 4).guess() == []
    assert NgramLookup([1], 4).guess() == []
    assert NgramLookup([1, 1], 0).guess() == []


def test_a_guess_ends_where_the_text_does() -> None:
    assert NgramLookup([1, 2, 1, 2], 4).guess() == [1, 2]


def test_extend_is_the_same_as_starting_with_all() -> None:
    lookup = NgramLookup([1, 2, 3], 3)
    lookup.extend([4, 1, 2])
    assert lookup.guess() == NgramLookup([1, 2, 3, 4, 1, 2], 3).guess() == [3, 4, 1]
