"""A small model that goes round in circles is stopped before the third time."""

from __future__ import annotations

import pytest

from repocomp.generate.local.repetition import said_twice


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
