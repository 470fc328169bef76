"""What is done later is done once, in its time, and harms nothing."""

from __future__ import annotations

from repocomp.serve.deferred import Chores


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_due_without_chores() -> None:
    assert Chores().run_due() is None


def test_a_chore_is_done_once_when_its_time_has_come() -> None:
    clock, done = Clock(), list[str]()
    chores = Chores(clock)
    chores.later(30, "look", lambda: done.append("looked"))
    assert chores.run_due() == 40
    clock.now = 39
    assert (chores.run_due(), done) == (1, [])
    clock.now = 40
    assert (chores.run_due(), done) == (None, ["looked"])


def test_of_a_kind_that_falls_due_together_one_is_done() -> None:
    clock, done = Clock(), list[str]()
    chores = Chores(clock)
    for key in range(100):
        clock.now = key / 100
        chores.later(30, "a", lambda: done.append("a"))
        chores.later(30, "b", lambda: done.append("b"))
    clock.now = 60
    chores.run_due()
    assert sorted(done) == ["a", "b"]


def test_a_chore_that_fails_does_not_stop_the_next() -> None:
    clock, done = Clock(), list[str]()
    chores = Chores(clock)
    chores.later(1, "bad", lambda: 1 // 0)
    chores.later(2, "good", lambda: done.append("good"))
    clock.now = 20
    assert (chores.run_due(), done) == (None, ["good"])


def test_what_is_asked_for_again_waits_anew() -> None:
    clock, done = Clock(), list[str]()
    chores = Chores(clock)
    chores.later(100, "other", lambda: done.append("other"))
    for clock.now in (0, 50, 100):
        chores.rather(60, "learn", lambda: done.append(f"learn {clock.now}"))
        chores.run_due()
    clock.now = 169
    chores.run_due()
    assert done == ["other"]
    clock.now = 200
    assert (chores.run_due(), done) == (None, ["other", "learn 200"])
