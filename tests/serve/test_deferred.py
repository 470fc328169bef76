"""What is done later is done once, in its time, and harms nothing."""

from __future__ import annotations

from repocomp.serve.deferred import DeferredJobs


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_due_without_jobs() -> None:
    assert DeferredJobs().run_due() is None


def test_a_job_is_done_once_when_its_time_has_come() -> None:
    clock, done = Clock(), list[str]()
    jobs = DeferredJobs(clock)
    jobs.later(30, "look", lambda: done.append("looked"))
    assert jobs.run_due() == 40
    clock.now = 39
    assert (jobs.run_due(), done) == (1, [])
    clock.now = 40
    assert (jobs.run_due(), done) == (None, ["looked"])


def test_of_a_kind_that_falls_due_together_one_is_done() -> None:
    clock, done = Clock(), list[str]()
    jobs = DeferredJobs(clock)
    for key in range(100):
        clock.now = key / 100
        jobs.later(30, "a", lambda: done.append("a"))
        jobs.later(30, "b", lambda: done.append("b"))
    clock.now = 60
    jobs.run_due()
    assert sorted(done) == ["a", "b"]


def test_a_job_that_fails_does_not_stop_the_next() -> None:
    clock, done = Clock(), list[str]()
    jobs = DeferredJobs(clock)
    jobs.later(1, "bad", lambda: 1 // 0)
    jobs.later(2, "good", lambda: done.append("good"))
    clock.now = 20
    assert (jobs.run_due(), done) == (None, ["good"])


def test_what_is_asked_for_again_waits_anew() -> None:
    clock, done = Clock(), list[str]()
    jobs = DeferredJobs(clock)
    jobs.later(100, "other", lambda: done.append("other"))
    for clock.now in (0, 50, 100):
        jobs.rather(60, "learn", lambda: done.append(f"learn {clock.now}"))
        jobs.run_due()
    clock.now = 169
    jobs.run_due()
    assert done == ["other"]
    clock.now = 200
    assert (jobs.run_due(), done) == (None, ["other", "learn 200"])
