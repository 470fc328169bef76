"""A work tree in which completions are asked for and typed, with git's hooks installed; and the figures by hand.

Each place in a file stands between two comments of its own, so what is at it in any commit is found by a regular
expression, and the kept characters are counted by plain recursion: nothing here uses the code under test.
"""

from __future__ import annotations

import functools
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from repocomp.feedback.reports import parse_rewrites, report, work
from repocomp.store.feedback.connect import read_feedback
from repocomp.store.feedback.reports import git_events
from repocomp.store.feedback.rows import impression, persistences
from repocomp.store.paths import feedback_paths, path_digest
from tests.feedback.answers import CURSOR, show

_PATIENCE_S = 30


def places(*names: str) -> str:
    """A module with one place for each name, and enough around it to be code."""
    return "".join(
        f"def task_{name}(alpha, beta):\n    count = alpha + beta  # {name}\n    # above {name}\n"
        f"    result = \n    # below {name}\n    return result  # {name}\n\n\n"
        for name in names
    )


def heaviest(a: list[str], b: list[str]) -> int:
    """Characters of the heaviest common subsequence of words, by its recursive definition."""

    @functools.cache
    def best(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return 0
        both = len(a[i]) + best(i + 1, j + 1) if a[i] == b[j] else 0
        return max(both, best(i + 1, j), best(i, j + 1))

    return best(0, 0)


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9_]+|[^A-Za-z0-9_\s]", text)


def kept_by_hand(shown: str, file: str, name: str) -> int:
    found = re.search(rf"# above {name}\n(.*?)\n?    # below {name}\n", file, re.S)
    if found is None:
        return 0
    return heaviest(words(shown), words(re.sub(r"^\s*result = ", "", found[1], count=1)))


class Week:
    """One work tree of a repository. With `log`, hooks write there instead of starting repocomp."""

    def __init__(self, root: Path, log: Path | None = None) -> None:
        self.root, self.log = root, log
        self.texts: dict[str, tuple[str, str]] = {}

    def git(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stdout.strip()

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def ask(self, path: str, name: str, text: str) -> str:
        """Complete after `result = ` at the place; returns the completion's identifier."""
        source = (self.root / path).read_text()
        assert source.count(f"# above {name}\n    result = \n") == 1
        source = source.replace(f"# above {name}\n    result = \n", f"# above {name}\n    result = {CURSOR}\n")
        shown = show(self.root, source, text, path=path)
        self.texts[shown] = (name, text)
        return shown

    def type(self, path: str, name: str, text: str) -> None:
        """Put `text` where the place's result was, and save."""
        file = self.root / path
        before = file.read_text()
        pattern = rf"(# above {name}\n).*?(    # below {name}\n)"
        after = re.sub(pattern, lambda match: f"{match[1]}    result = {text}\n{match[2]}", before, flags=re.S)
        assert after != before
        file.write_text(after)

    def commit(self, message: str, *options: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, *options)
        return self.settle("post-commit")

    def settle(self, kind: str, times: int = 1) -> str:
        """Wait until so many reports of the present HEAD by this hook were looked at; returns HEAD."""
        head = self.head
        deadline = time.monotonic() + (_PATIENCE_S / 6 if self.log else _PATIENCE_S)
        while self._settled(kind, head) < times:
            assert time.monotonic() < deadline, f"no {kind} of {head}"
            time.sleep(0.005 if self.log else 0.05)
        return head

    def expected(self, shown: str, commit: str, path: str) -> tuple[str, int]:
        name, text = self.texts[shown]
        done = subprocess.run(["git", "show", f"{commit}:{path}"], cwd=self.root, capture_output=True, check=False)
        return commit, kept_by_hand(text, done.stdout.decode(), name)

    def measured(self, shown: str) -> list[tuple[str, int]]:
        """(commit, kept characters), oldest measurement first; the size of the whole is checked on the way."""
        with closing(sqlite3.connect(feedback_paths()[0])) as connection:
            row = impression(connection, shown)
            assert row is not None
            found = persistences(connection, [row]).get(shown, [])
        assert {item.chars for item in found} <= {len("".join(self.texts[shown][1].split()))}
        return [(item.commit_id, item.kept) for item in found if item.moment == "commit"]

    def _settled(self, kind: str, head: str) -> int:
        if self.log is not None:
            self._play(self.log)
        connection = read_feedback(feedback_paths()[0])
        assert connection is not None
        with closing(connection):
            reports = git_events(connection, path_digest(self.root))
        assert {one.state for one in reports} <= {"waiting", "done"}
        return sum((one.kind, one.head, one.state) == (kind, head, "done") for one in reports)

    def _play(self, log: Path) -> None:
        """Do in this process what the hooks asked for."""
        for entry in sorted(log.glob(f"{self.root.name}.*"), key=lambda path: path.stat().st_mtime_ns):
            kind, head, rewrites = entry.read_text().split("|")
            report(self.root, kind, head, parse_rewrites(rewrites))
            work(self.root, lambda: None)
            entry.unlink()


def recorder(log: Path) -> Path:
    """What takes Python's place in a hook: it writes down event, head and standard input, whole or not at all."""
    log.mkdir()
    script = log.parent / "recorder"
    script.write_text(
        f'#!/bin/sh\nout="{log}/$(basename "$PWD")"\nprintf "%s|%s|%s" "$6" "$8" "$(cat)" > "$out-$$"\n'
        'mv "$out-$$" "$out.$$"\n'
    )
    script.chmod(0o755)
    return script
