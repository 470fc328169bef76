"""Ignore patterns mean what they mean to git, and matching never takes more than pattern times path."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.index.ignore import MOST_PATTERNS, Patterns

ATOMS = st.sampled_from(
    ["a", "b", "ab", "*", "**", "***", "?", "/", "/", "[ab]", "[!a]", "[^b]", "[a-c]", "[c-a]", "[]a]", "[[:alpha:]]"]
    + ["[[:no:]]", "[a", "\\", "\\*", "\\[", "!", "#", " ", "\\ ", ".", "x", "é", "-", "[a-]", "[\\]b]", "\\/", "[[:x]"]
)
LINES = st.lists(st.lists(ATOMS, min_size=1, max_size=7).map("".join), min_size=1, max_size=4)
NAMES = st.text("abx.é* -[]!#\\", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def by_git(root: Path, paths: list[bytes]) -> dict[bytes, bool]:
    """Whether git leaves each of the paths out."""
    command = ["git", "check-ignore", "-z", "--no-index", "-v", "-n", "--stdin"]
    done = subprocess.run(command, cwd=root, input=b"\0".join(paths) + b"\0", capture_output=True, check=False)
    fields = done.stdout.split(b"\0")
    return {
        fields[at + 3]: fields[at + 2] not in (b"",) and fields[at + 2][:1] != b"!"
        for at in range(0, len(fields) - 1, 4)
    }


@settings(max_examples=60)
@given(LINES, st.lists(PATHS, min_size=1, max_size=12))
def test_patterns_mean_what_they_mean_to_git(root: Path, lines: list[str], paths: list[str]) -> None:
    data = "\n".join(lines).encode()
    (root / ".gitignore").write_bytes(data)
    patterns = Patterns.of(data, ".gitignore")
    encoded = [os.fsencode(path) for path in paths]
    expected = by_git(root, encoded)
    for path in encoded:
        verdict = patterns.verdict(path)
        assert (verdict is not None and verdict.is_left_out) == expected[path], (data, path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("build\\", "backslash"),
        ("\\", "backslash"),
        ("!", "empty"),
        ("/", "empty"),
        ("[z-a]", "range is empty"),
        ("[a-\\]]", "range is empty"),
        ("[abc", "not closed"),
        ("[[:nothing:]]", "no such class"),
        ("x" * 2000, "too long"),
    ],
)
def test_what_matches_nothing_is_named_once(line: str, reason: str) -> None:
    patterns = Patterns.of(f"# first\n{line}\n*.log\n".encode(), ".gitignore")
    (fault,) = patterns.faults
    assert fault.startswith(".gitignore:2: ")
    assert reason in fault
    assert patterns.verdict(b"a/b.log") is not None


def test_no_file_holds_more_patterns_than_can_be_asked() -> None:
    patterns = Patterns.of(b"a\n" * (MOST_PATTERNS + 9), "x")
    assert len(patterns.patterns) == MOST_PATTERNS
    assert len(patterns.faults) == 1


def test_byte_order_marks_and_line_ends_do_not_count() -> None:
    patterns = Patterns.of(b"\xef\xbb\xbfa.py\r\nb.py  \r\nc\\ \n", "x")
    assert [path for path in (b"a.py", b"b.py", b"c ", b"c") if patterns.concern(path)] == [b"a.py", b"b.py", b"c "]


@pytest.mark.parametrize("path", [b"a/b.log", b"c\xe9.log", b"d.log/e"])
def test_names_are_bytes(path: bytes) -> None:
    assert Patterns.of(b"*.log\n", "x").verdict(path) is not None


GLOBS = [
    "*a" * 18 + "b",
    "?*" * 18 + "b",
    "**/a/" * 12 + "b",
    "*[ab]" * 18 + "c/",
    "a/**/" * 12 + "*a*a*a*b",
    "*" * 36 + "b",
]


@pytest.mark.parametrize("glob", GLOBS)
@pytest.mark.parametrize("joint", ["", "/"])
def test_time_grows_with_the_product_of_pattern_and_path(glob: str, joint: str) -> None:
    """Doubling the path doubles the time, or at most quadruples it; trying places again would make it 2 ** 18 times."""
    patterns = Patterns.of(glob.encode(), "x")

    def seconds(length: int) -> float:
        path = joint.join("a" * length).encode()
        times = []
        for _ in range(3):
            started = time.process_time()
            patterns.verdict(path)
            times.append(time.process_time() - started)
        return min(times)

    assert seconds(1600) <= 4**3 * 4 * max(seconds(200), 1e-4)
