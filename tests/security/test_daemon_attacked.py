"""Whatever programs of the same user send, the daemon goes on answering. `DAEMON_MESSAGES` says how many they send."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import quick
from repocomp.serve import client, protocol
from tests.conftest import Repository
from tests.serve.daemon import daemon, status

MESSAGES, SEED = int(os.environ.get("DAEMON_MESSAGES", "2000")), int(os.environ.get("FUZZ_SEED", "0"))
pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="sockets of this kind")

TEXTS = ("é" * 999, "\udcff", "a/" * 3000, "\x1b[2J", "9" * 5000)
VALUES = (
    *TEXTS,
    None,
    True,
    -1,
    0,
    10**400,
    -(10**30),
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\x00",
    "é" * 999,
    "\udcff",
)
NESTED: tuple[Any, ...] = (
    [],
    {},
    [[]],
    {"a": None},
    {"": {"": []}},
    [1] * 999,
    {"threshold": float("nan")},
    {"mode": 7},
    {"__class__": 1},
)
LINES = (
    b"",
    b"{",
    b"[" * 50_000,
    b"{}",
    b"null",
    b"NaN",
    b"1" * 5000,
    b'"x"',
    b"\xff\xfe",
    b"\x00" * 99,
    b'{"op": "complete"}',
)
KINDS = ("mutated", "mutated", "mutated", "mutated", "without", "line", "half", "noise", "vanishes", "other")


@pytest.fixture
def served(repository: Repository, runtime_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A daemon in a process of its own; a request that it answers."""
    root = repository({"a.py": "def add(one, two):\n    return one\n"})
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
    words = ["a.py:2:15", "--max-new-tokens", "2", "--no-record"]
    values = quick.parse(words)
    assert values is not None
    place = quick.place_of("a.py:2:15")
    assert place is not None
    with daemon(runtime_folder):
        yield quick._request(values, place, Path("a.py").read_bytes())


def connect() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(20)
    connection.connect(os.path.join(protocol.folder(), protocol.SOCKET))
    return connection


def hostile(rng: random.Random, request: dict[str, Any]) -> tuple[str, bytes, bool]:
    """A kind of message, its bytes, and whether an answer is waited for."""
    kind = rng.choice(KINDS)
    if kind in ("line", "other"):
        more = {"op": rng.choice(("status", "shut down", "", None, 1)), "protocol": rng.choice((None, 1, 99, "2"))}
        return kind, (rng.choice(LINES) if kind == "line" else json.dumps(more).encode()) + b"\n", True
    if kind == "noise":
        return kind, rng.randbytes(rng.randrange(3000)).replace(b"\n", b"") + b"\n", True
    message = dict(request)
    # With another identity the daemon leaves, as after an upgrade.
    names = [name for name in message if name not in ("identity", "op")]
    for name in rng.sample(names, rng.randrange(1, 4)):
        if kind == "without":
            del message[name]
        else:
            message[name] = rng.choice((*VALUES, *NESTED))
    whole = json.dumps(message).encode() + b"\n"
    if kind == "half":
        return kind, whole[: rng.randrange(1, len(whole))], False
    return kind, whole, kind != "vanishes"


def last_line(connection: socket.socket) -> dict[str, Any]:
    """The last message, until the daemon hangs up."""
    data = b""
    while chunk := connection.recv(1 << 16):
        data += chunk
    message: dict[str, Any] = json.loads(data.splitlines()[-1])
    return message


def flood(request: dict[str, Any], messages: int, seed: int) -> Counter[str]:
    """Send so many; what came back, by kind. Every hundredth time a real request must be answered."""
    rng, answers = random.Random(seed), Counter[str]()
    with ExitStack() as held:
        for number in range(messages):
            kind, data, is_awaited = hostile(rng, request)
            connection = held.enter_context(closing(connect()))
            connection.sendall(data)
            if is_awaited:
                reply = last_line(connection)
                answers[f"{kind}: {next(key for key in ('declined', 'completion', 'pid') if key in reply)}"] += 1
                connection.close()
            else:
                # Unfinished lines, and requests whose answer nobody waits for, are dropped together.
                answers[kind] += 1
            if number % 100 == 99:
                held.close()
                answers["real"] += is_answered(request)
    return answers


def is_answered(request: dict[str, Any]) -> bool:
    """Whether a real request is, which may wait for what was sent before."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if client.ask(request, None) is not None:
            return True
    return False


def test_some_malformed_messages(served: dict[str, Any]) -> None:
    answers = flood(served, 200, 1)
    assert answers["real"] == 2, answers
    assert status()["pid"]


@pytest.mark.slow
def test_many_malformed_messages(served: dict[str, Any]) -> None:
    before = status()["pid"]
    answers = flood(served, MESSAGES, SEED)
    assert answers["real"] == MESSAGES // 100, answers
    assert status()["pid"] == before
