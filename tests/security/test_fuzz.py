"""Whatever is typed, set, piped in or lies in the tree: an exit code that is documented, one line, valid JSON, in time.

`FUZZ_INPUTS` says how many, `FUZZ_SEED` which. Most inputs never come as far as the model; those that do share one, as
in the daemon.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from repocomp.service.service import CompletionService
from tests.conftest import Repository
from tests.security.command_lines import Grammar, strict

INPUTS, SEED = int(os.environ.get("FUZZ_INPUTS", "20000")), int(os.environ.get("FUZZ_SEED", "0"))
BUDGET_S = 20
CODES = {0, 1, 2}
pytestmark = pytest.mark.skipif(os.name == "nt", reason="FIFOs and alarms")


@pytest.fixture
def root(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with what hangs or is no file, indexed."""
    path = repository({"src/app.py": "def f(a):\n    return a\n\n\nf(\n", "né.py": "x = 1\n", "b.py": "import src\n"})
    subprocess.run(["git", "-C", str(path), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(path), "commit", "-qm", "one"], check=True)
    os.mkfifo(path / "pipe")
    (path / "loop").symlink_to("loop")
    monkeypatch.chdir(path)
    assert app.run(["index", "--quiet"]) == 0
    return path


@pytest.fixture(autouse=True)
def one_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing outlives a call but the model; no pool, no daemon, no process in the background."""
    shared = CompletionService()
    monkeypatch.setattr("repocomp.service.service.CompletionService", lambda: shared)
    monkeypatch.setattr("repocomp.cli.verbs.complete.start", lambda: None)


@contextmanager
def within(seconds: int, what: Any) -> Iterator[None]:
    """An alarm ends what waits for ever."""

    def end(*_: object) -> None:
        raise AssertionError(f"it hangs: {what!r}")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def said(arguments: list[str], data: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a command line run here."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape", write_through=True) for _ in range(2))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with within(BUDGET_S, arguments):
        code = app.run(arguments)
    written = [stream.buffer.getvalue().decode(errors="surrogateescape") for stream in (out, err)]
    return code, written[0], written[1]


def faults(arguments: list[str], code: int, out: str, err: str) -> Iterator[str]:
    """What is wrong with an outcome."""
    if code not in CODES:
        yield f"exit code {code}"
    if "Traceback" in out + err:
        yield "a traceback"
    if "\x1b" in err or "\u202e" in err:
        yield "an escape reaches a person"
    is_help = "--help" in arguments or "-h" in arguments
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if ("--json" in options or arguments[:2] == ["feedback", "export"]) and not is_help:
        try:
            for line in out.splitlines():
                strict(line)
        except ValueError as error:
            yield f"no JSON: {error}: {out[:200]!r}"
    if code == 2 and "--json" not in arguments and "repocomp: " not in err:
        yield f"an error without its line: {err[:200]!r}"


def hammer(root: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch, seed: int, inputs: int) -> list[Any]:
    """Run so many inputs; what went wrong, with what led to it."""
    grammar, found = Grammar(seed), list[Any]()
    setting: dict[str, str] = {}
    for number in range(inputs):
        if number % 50 == 0:
            surround(root, isolated, grammar)
        for name in setting:
            monkeypatch.delenv(name)
        setting = grammar.variables()
        for name, value in setting.items():
            monkeypatch.setenv(name, value)
        arguments, data = grammar.command_line(), grammar.buffer()
        started = time.monotonic()
        outcome = said(arguments, data, monkeypatch)
        wrong = [*faults(arguments, *outcome)]
        if wrong:
            found.append((number, arguments, setting, data, wrong, outcome[2][-300:], time.monotonic() - started))
    return found


def surround(root: Path, isolated: Path, grammar: Grammar) -> None:
    """Change the files around: a buffer, ignore rules, settings of the repository and of the user."""
    (isolated / "config" / "repocomp").mkdir(parents=True, exist_ok=True)
    for path, data in (
        (root / "src" / "app.py", grammar.buffer()),
        (root / ".repocompignore", grammar.patterns()),
        (root / ".gitignore", grammar.patterns()),
        (root / ".repocomp.toml", grammar.settings()),
        (isolated / "config" / "repocomp" / "config.toml", grammar.settings()),
    ):
        with suppress(OSError):
            path.write_bytes(data)


def test_some_inputs(root: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hammer(root, isolated, monkeypatch, 1, 100) == []


@pytest.mark.slow
def test_many_inputs(root: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hammer(root, isolated, monkeypatch, SEED, INPUTS) == []
