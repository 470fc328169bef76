"""Minutes of everything at once: clients that type and vanish, files that change, an index that runs, a daemon killed.

SOAK_SECONDS=240 python -m pytest -m slow tests/serve/test_soak.py -s
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from repocomp.complete.parts import Parts
from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.generate.local.generator import load
from repocomp.request import CompletionOptions, CompletionRequest
from repocomp.serve import client as serve_client
from repocomp.serve.deferred import GRAIN_S
from tests.conftest import Repository
from tests.serve.daemon import ROOT, daemon, repocomp

SECONDS = float(os.environ.get("SOAK_SECONDS", "30"))
CLIENTS = 8
FILES = [path for path in sorted((ROOT / "repocomp").glob("[ce]*/*.py")) if path.stat().st_size > 2000]
MAIN = "from repocomp.__main__ import main; main()"


@dataclass
class Soak:
    """What the clients ask and what they should hear; `wrong` collects what they should not have."""

    root: Path
    environment: dict[str, str]
    expected: dict[tuple[str, int], str]
    offered: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ended: threading.Event = field(default_factory=threading.Event)

    def client(self, seed: int) -> None:
        rng = random.Random(seed)
        while not self.ended.is_set():
            (path, offset), text = rng.choice(list(self.expected.items()))
            match rng.randrange(10):
                case 0:
                    self.vanish(path, offset, rng)
                case 1 | 2:
                    self.retrieve(path, offset)
                case 3 | 4 if len(text) > 2:
                    self.type_on(path, offset, text, rng.randrange(1, len(text)))
                case _:
                    self.check(path, offset, text)

    def ask(self, data: bytes, path: str, offset: int, *options: str) -> dict[str, Any]:
        done = subprocess.run(
            self.command(path, offset, *options), cwd=self.root, input=data, capture_output=True, env=self.environment
        )
        try:
            answer: dict[str, Any] = json.loads(done.stdout)["data"]
            self.offered[answer["id"]] = answer["text"]
        except (ValueError, KeyError, TypeError):
            self.wrong.append(f"{path}:{offset} {options}: {done.returncode} {done.stdout!r} {done.stderr!r}")
            raise
        self.counts["warm" if answer["tokens"]["cached"] else "cold"] += 1
        return answer

    def command(self, path: str, offset: int, *options: str) -> list[str]:
        name = ["--stdin-filename", path, "--json", "--exit-zero"]
        return [sys.executable, "-c", MAIN, "complete", f"-:#{offset}", *name, *options]

    def check(self, path: str, offset: int, text: str) -> None:
        answer = self.ask((self.root / "own" / path).read_bytes(), path, offset, "--retrieve", "never")
        self.counts["checked"] += 1
        if answer["text"] != text:
            self.wrong.append(f"{path}:{offset}: {answer['text']!r} for {text!r}")

    def type_on(self, path: str, offset: int, text: str, count: int) -> None:
        """Type the beginning of an answer: the rest of it, or what the model says there."""
        data = (self.root / "own" / path).read_bytes()
        typed = text[:count].encode()
        buffer = data[:offset] + typed + data[offset:]
        answer = self.ask(buffer, path, offset + len(typed), "--retrieve", "never")
        if answer["continues"] is not None:
            self.counts["rests"] += 1
            if answer["text"] != text[count:]:
                self.wrong.append(f"{path}:{offset}+{count}: {answer['text']!r} is no rest of {text!r}")

    def retrieve(self, path: str, offset: int) -> None:
        data = (self.root / "own" / path).read_bytes()
        answer = self.ask(data, path, offset, "--retrieve", "always")
        self.counts[answer["retrieval"]["decision"]] += 1

    def vanish(self, path: str, offset: int, rng: random.Random) -> None:
        data = (self.root / "own" / path).read_bytes()
        with subprocess.Popen(
            self.command(path, offset), cwd=self.root, stdin=subprocess.PIPE, stdout=-3, env=self.environment
        ) as process:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.write(data)
                process.stdin.close()
            time.sleep(rng.random() / 5)
            process.kill()
        self.counts["vanished"] += 1

    def churn(self) -> None:
        rng = random.Random(99)
        while not self.ended.wait(1):
            path = self.root / "lib" / f"part{rng.randrange(20)}.py"
            path.write_text(f"def helper_{rng.randrange(1000)}(value):\n    return value + {rng.randrange(1000)}\n" * 5)
            subprocess.run(
                [sys.executable, "-c", MAIN, "index"], cwd=self.root, capture_output=True, env=self.environment
            )
            self.counts["indexed"] += 1


def run(soak: Soak, seconds: float, beside: Callable[[], None] = lambda: None) -> None:
    soak.ended.clear()
    threads = [threading.Thread(target=soak.client, args=(number,)) for number in range(CLIENTS)]
    threads.append(threading.Thread(target=soak.churn))
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(2.0, max(0.0, end - time.monotonic())))
        beside()
    soak.ended.set()
    for thread in threads:
        thread.join()


def references(own: Path) -> dict[tuple[str, int], str]:
    """Places with the answers that a process alone gives without retrieval."""
    rng = random.Random(1)
    expected = {}
    for path in FILES:
        name = f"{path.parent.name}_{path.name}"
        (own / name).write_bytes(path.read_bytes())
        document = Document(name, path.read_bytes())
        for _ in range(2):
            cursor = document.at(rng.randrange(1, document.line_count), 1)
            alone = load("default")
            # As the clients ask: `isolated` sets the bound for them.
            options = CompletionOptions(retrieve="never", min_confidence=0.0)
            request = CompletionRequest(document, cursor, None, options)
            expected[name, cursor.offset] = complete(request, Parts(alone, alone, None)).text
    return expected


def held(pid: int) -> tuple[int, int]:
    """Resident bytes and open files of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{pid}/fd"))


def settled(pid: int, patience_s: float = 10.0) -> tuple[int, int]:
    """Resident bytes, and the fewest open files for a while: git may be asked about a save that was just made."""
    end, fewest = time.monotonic() + patience_s, held(pid)[1]
    while time.monotonic() < end:
        time.sleep(0.1)
        fewest = min(fewest, held(pid)[1])
    return held(pid)[0], fewest


def ticks(pid: int) -> int:
    """Processor time of a process, in the hundredths of a second that the system counts."""
    return sum(int(field) for field in Path(f"/proc/{pid}/stat").read_text().split()[13:15])


def wait_for_chores() -> None:
    """Until what the daemon does by the clock (a look at the saved files) is done, and none is due for five seconds."""
    since = time.monotonic() % GRAIN_S
    if not 2 <= since <= 5:
        time.sleep((2 - since) % GRAIN_S)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells what a process holds there")
def test_a_soak(repository: Repository, runtime_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository({"lib/part0.py": "def helper(value):\n    return value\n"})
    (root / "own").mkdir()
    soak = Soak(root, {**os.environ, "PYTHONPATH": str(ROOT)}, references(root / "own"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
    soak.environment["XDG_RUNTIME_DIR"] = str(runtime_folder)
    assert repocomp("index", cwd=root).returncode == 0
    # Few key/value caches: all are full before the first reading, and what grows after it is a leak.
    with daemon(runtime_folder, "--memory-cap", "200") as process:
        for (path, offset), text in soak.expected.items():
            soak.check(path, offset, text)
        run(soak, SECONDS / 3)
        before = held(process.pid)
        run(soak, SECONDS / 3)
        time.sleep(1)
        wait_for_chores()
        after = held(process.pid)
        worked = ticks(process.pid)
        time.sleep(3)
        idle = ticks(process.pid) - worked
    print(f"memory {before[0] / 1e6:.1f} -> {after[0] / 1e6:.1f} MB, open files {before[1]} -> {after[1]}", soak.counts)  # noqa: T201
    print(f"{idle} ticks in 3 s of nothing asked")  # noqa: T201
    assert idle == 0
    assert after[0] <= before[0] * 1.05
    assert after[1] <= before[1]

    def kill() -> None:
        found = serve_client.tell("status")
        if found is not None:
            os.kill(found["pid"], signal.SIGKILL)
        serve_client.start()
        soak.counts["killed"] += 1

    run(soak, SECONDS / 3, kill)
    serve_client.tell("stop")
    print(soak.counts, soak.wrong[:3])  # noqa: T201
    assert soak.wrong == []
    assert soak.counts["checked"] > 0
