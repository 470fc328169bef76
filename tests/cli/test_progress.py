"""Progress as words: rate and time left, and a fresh start where other work begins."""

from __future__ import annotations

from itertools import count

import pytest

from repocomp.cli.progress import Meter
from repocomp.progress import Progress, duration


def ticking(seconds: float) -> Meter:
    ticks = count()
    return Meter(clock=lambda: seconds * next(ticks))


def test_rate_and_time_left_follow_from_what_was_done_since_the_first_report() -> None:
    meter = ticking(2.0)
    assert meter.read(Progress(100, 1000, "indexing")) == "indexing: 100 of 1,000"
    assert meter.read(Progress(200, 1000, "indexing")) == "indexing: 200 of 1,000, 50 per second, 16 s left"
    assert meter.read(Progress(1000, 1000, "indexing")) == "indexing: 1,000 of 1,000, 225 per second"


def test_other_work_starts_afresh() -> None:
    meter = ticking(1.0)
    meter.read(Progress(5, 10, "a"))
    assert meter.read(Progress(1, 10, "b")) == "b: 1 of 10"
    assert meter.read(Progress(2, 20, "b")) == "b: 2 of 20"


def test_a_share_is_a_percentage_and_bytes_are_megabytes() -> None:
    meter = ticking(60.0)
    meter.read(Progress(0.0, 1.0, "loss 3.1"))
    assert meter.read(Progress(0.25, 1.0, "loss 2.9")) == "loss 2.9: 25 %, 3 min left"
    assert Meter(in_bytes=True).read(Progress(1_500_000, 30_000_000, "indexing")) == "indexing: 1.5 of 30 MB"


@pytest.mark.parametrize(("seconds", "said"), [(40.2, "40 s"), (720, "12 min"), (7500, "2 h 5 min")])
def test_durations_read_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
