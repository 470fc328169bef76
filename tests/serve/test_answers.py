"""From a message to the replies: what the daemon answers, what it declines, and what it does later."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from repocomp.feedback.ledger import reading
from repocomp.index.build import build
from repocomp.learn.background import COMMAND
from repocomp.serve import follow_up, protocol
from repocomp.serve.call import Call
from repocomp.serve.daemon import Daemon
from repocomp.serve.deferred import DeferredJobs
from repocomp.service.service import CompletionService
from repocomp.store.feedback.rows import impressions
from tests.conftest import Repository

MEMORY = 2_048_000_000
SOURCE = "def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    return"


def asking(root: Path, environment: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """What a client sends."""
    return {
        "directories": protocol.directories(os.environ),
        "environment": environment or {},
        "path": str(root / "a.py"),
        "data": SOURCE,
        "line": 6,
        "column": 11,
        "offset": None,
        "encoding": "utf-8",
        "flags": {"retrieve": "never"},
        "stream": False,
        **changes,
    }


def answered(served: Daemon, message: dict[str, Any]) -> list[dict[str, Any]]:
    """The replies to a message."""
    replies: list[dict[str, Any]] = []
    call = Call(message, time.monotonic(), lambda call, data, last: replies.append(json.loads(data)))
    assert served.answer(call)
    return replies


@pytest.fixture
def served() -> Daemon:
    return Daemon(CompletionService(MEMORY), DeferredJobs())


def test_a_buffer_is_completed_whatever_stands_on_the_disk(repository: Repository, served: Daemon) -> None:
    root = repository({"other.py": SOURCE})
    (reply,) = answered(served, asking(root))
    assert reply["completion"]["text"]
    assert reply["completion"]["range"]["start"] == {"line": 6, "column": 11, "offset": len(SOURCE)}


def test_streamed_pieces_are_the_text(repository: Repository, served: Daemon) -> None:
    *pieces, last = answered(served, asking(repository({}), stream=True))
    assert "".join(piece["text"] for piece in pieces) == last["completion"]["text"] != ""


@pytest.mark.parametrize(
    "changes",
    [
        {"line": 99},
        {"column": 999},
        {"encoding": "utf-7"},
        {"line": "no number"},
        {"offset": "#"},
        {"flags": {"mode": "poem"}},
        {"flags": {"unknown": 1}},
        {"flags": {"generator": "nowhere"}},
        {"flags": 3},
        {"environment": {"REPOCOMP_THRESHOLD": "high"}},
        {"environment": {"REPOCOMP_DAEMON": "never"}},
        {"directories": {"HOME": "/elsewhere"}},
        {"data": 7},
        {"path": None},
    ],
)
def test_what_it_cannot_answer_is_declined_and_the_next_is_answered(
    repository: Repository, served: Daemon, changes: dict[str, Any]
) -> None:
    root = repository({"a.py": SOURCE})
    assert [list(reply) for reply in answered(served, asking(root, **changes))] == [["declined"]]
    assert "completion" in answered(served, asking(root))[-1]


def test_a_bug_costs_one_request(repository: Repository, served: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository({})
    with monkeypatch.context() as broken:
        broken.setattr(CompletionService, "answer", lambda *_: 1 / 0)
        assert answered(served, asking(root)) == [{"declined": "a bug: ZeroDivisionError"}]
    assert "completion" in answered(served, asking(root))[-1]


def test_a_call_that_is_cancelled_gets_no_reply(repository: Repository, served: Daemon) -> None:
    replies: list[bytes] = []
    call = Call(asking(repository({})), time.monotonic(), lambda call, data, last: replies.append(data))
    call.cancelled.set()
    assert served.answer(call)
    assert replies == []


@pytest.mark.parametrize(("settings", "looks"), [({}, 4), ({"REPOCOMP_RECORD": "off"}, 0)])
def test_saved_files_are_looked_at_later(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], looks: int
) -> None:
    root, now, seen = repository({"a.py": SOURCE}), [0.0], list[Path]()
    monkeypatch.setattr(follow_up, "sweep", seen.append)
    jobs = DeferredJobs(lambda: now[0])
    assert "completion" in answered(Daemon(CompletionService(MEMORY), jobs), asking(root, settings))[-1]
    for now[0] in (20, 45, 145, 325, 625, 9999):
        jobs.run_due()
    assert seen == [root] * looks


@pytest.mark.parametrize(
    ("settings", "starts"), [({}, 1), ({"REPOCOMP_LEARN": "never"}, 0), ({"REPOCOMP_RECORD": "off"}, 0)]
)
def test_it_has_another_process_learn_once_nobody_asks_any_more(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], starts: int
) -> None:
    root, now = repository({"a.py": SOURCE}), [0.0]
    build(root)
    started: list[tuple[Sequence[str], str, float]] = []
    monkeypatch.setattr(follow_up, "launch", lambda command, at: started.append((command, at, now[0])))
    jobs = DeferredJobs(lambda: now[0])
    served, message = Daemon(CompletionService(MEMORY), jobs), asking(root, settings)
    # Asked every ten minutes nothing is begun; a quarter of an hour later it is, once, and not again the same day.
    for now[0] in (0, 600, 1200):
        answered(served, message)
        jobs.run_due()
    assert started == []
    for now[0] in (2200, 2300):
        jobs.run_due()
    answered(served, message)
    now[0] = 9999
    assert jobs.run_due() is None
    assert started == [(COMMAND, str(root), 2200)] * starts


def test_memory_over_the_cap_ends_the_daemon(repository: Repository) -> None:
    call = Call(asking(repository({})), time.monotonic(), lambda call, data, last: None)
    assert not Daemon(CompletionService(1), DeferredJobs()).answer(call)


@pytest.mark.parametrize(
    ("changes", "is_shown"), [({}, True), ({"prefetch": False}, True), ({"prefetch": True}, False)]
)
def test_an_answer_that_is_asked_ahead_is_recorded_as_such(
    repository: Repository, served: Daemon, changes: dict[str, Any], is_shown: bool
) -> None:
    root = repository({})
    answered(served, asking(root, **changes))
    with reading(root) as connection:
        assert connection is not None
        assert [(row.shown, row.details()["prefetched"]) for row in impressions(connection)] == [
            (is_shown, not is_shown)
        ]
