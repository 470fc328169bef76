"""What stands in a text, counted against plain recursion; and the sweeps over saved files."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repocomp.feedback.marks import READ_CHARS, Marks, mark, visible_chars
from repocomp.feedback.persistence import Text, kept_chars
from repocomp.feedback.sweep import MOMENTS_S, sweep
from repocomp.secrets.redaction import REDACTED
from repocomp.store.feedback.rows import impressions, persistences
from repocomp.store.paths import feedback_paths
from tests.conftest import Repository
from tests.feedback.answers import CURSOR, show
from tests.feedback.test_record import SECRET, SOURCE, commit, git
from tests.feedback.week import heaviest, kept_by_hand, words

SALT = b"0123456789abcdef"
FILE = (
    "import os\n\n\ndef first(a):\n    total = a + 1\n    return total\n\n\ndef second(a, b):\n    size = a * b\n"
    "    name = <|>\n    return name\n\n\ndef third(c):\n    return os.fspath(c)\n"
)
ANSWER = "os.path.join(a, b)"
WHOLE = visible_chars(ANSWER)


def kept(answer: str, after: str, before: str = FILE) -> int:
    left, right = before.split(CURSOR)
    marks = mark(answer, left[-READ_CHARS:], right[:READ_CHARS], SALT)
    assert Marks.from_json(marks.to_json()) == marks
    return kept_chars(marks, Text(after.encode(), SALT))


def typed(text: str) -> str:
    return FILE.replace(CURSOR, text)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (typed(ANSWER), WHOLE),
        (typed(""), 0),
        (typed("os.path.join(a, c)"), WHOLE - 1),
        (typed("os.path.join(\n        a,\n        b,\n    )"), WHOLE),
        (typed(ANSWER).replace("    ", "\t").replace("\n", "\r\n"), WHOLE),
        (typed(ANSWER + ".strip()"), WHOLE),
        (typed("(" + ANSWER + ")"), WHOLE),
        (typed(ANSWER).replace("name = ", "label = "), WHOLE),
        (
            typed(ANSWER).replace("size = a * b", "size = a * b * 2").replace("return name", "return name.lower()"),
            WHOLE,
        ),
        (typed(ANSWER).replace("def first", "def zeroth():\n    pass\n\n\ndef first"), WHOLE),
        (typed("None") + "\n\ndef join(a, b):\n    return os.path.join(a, b)\n", 0),
        ("", 0),
        ("something else altogether\n", 0),
        (typed("format(size)"), heaviest(words(ANSWER), words("format(size)"))),
    ],
)
def test_what_stands_at_the_place(after: str, expected: int) -> None:
    assert kept(ANSWER, after) == expected


def test_what_stood_beside_the_cursor_is_not_the_completion() -> None:
    before = "def f(store, path):\n    connection = store.open_<|>)\n    return connection\n"
    answer = "connection(path"
    assert kept(answer, before.replace(CURSOR, answer), before) == visible_chars(answer)
    assert kept(answer, before.replace(CURSOR, "x"), before) == 0


def test_the_ends_of_a_file_are_places_too() -> None:
    assert kept("import os", "import os\n", CURSOR) == 8
    assert kept("import os", "import os\nprint(1)\n", "<|>\nprint(1)\n") == 8
    block = "x = 1\n}\n}"
    assert kept(block, "{\n{\n" + block + "\n}\n", "{\n{\n<|>\n}\n") == visible_chars(block)


def test_a_secret_that_was_typed_as_shown_is_kept_without_being_stored() -> None:
    before = "import cloud\n\nkey = <|>\ncloud.login(key)\n"
    left, right = before.split(CURSOR)
    marks = mark(f'"{REDACTED}"', left, right, SALT)
    assert kept_chars(marks, Text(before.replace(CURSOR, f'"{SECRET}"').encode(), SALT)) == marks.chars


def test_megabytes_on_one_line_are_not_read_to_their_end() -> None:
    before = "a = [" + "1, " * 300_000 + "<|>]\n"
    assert kept("2, 3", before.replace(CURSOR, "2, 3"), before) == len(",")


_WORD = st.sampled_from(["alpha", "beta", "(", ")", ".", "join", "x"])
_LINE = st.lists(_WORD, min_size=1, max_size=5).map(" ".join)


@settings(max_examples=150)
@given(
    shown=st.lists(_LINE, min_size=1, max_size=3).map("\n".join),
    now=st.lists(_LINE, min_size=1, max_size=4).map("\n    ".join),
    above=st.integers(0, 5),
    below=st.integers(0, 5),
)
def test_any_edit_counts_as_by_hand(shown: str, now: str, above: int, below: int) -> None:
    """Up to four lines are one stretch of any completion, so the whole place counts."""

    def file(text: str, extra: int = 0) -> str:
        head = "".join(f"before_{n} = {n}\n" for n in range(above + extra))
        tail = "".join(f"after_{n} = {n}\n" for n in range(below))
        return f"{head}    # above p\n    result = {text}\n    # below p\n{tail}"

    assert kept(shown, file(now), file(CURSOR)) == kept_by_hand(shown, file(now), "p")
    assert kept(shown, file(now, extra=3), file(CURSOR)) == kept_by_hand(shown, file(now), "p")


def moments() -> dict[str, list[tuple[str, int]]]:
    with closing(sqlite3.connect(feedback_paths()[0])) as connection:
        found = persistences(connection, impressions(connection))
        return {key: [(item.moment, item.kept) for item in rows] for key, rows in found.items()}


def test_sweeps_measure_each_moment_once(repository: Repository) -> None:
    root = repository({"app.py": SOURCE.replace(CURSOR, "")})
    commit(root)
    shown = show(root, SOURCE, "alpha + beta")
    now = time.time_ns() // 1_000_000
    text = {30: "alpha + beta", 120: "alpha + gamma", 300: "", 600: "alpha + beta"}
    assert sweep(root, now + 29_000) == 0
    for moment in MOMENTS_S:
        (root / "app.py").write_text(SOURCE.replace(CURSOR, text[moment]))
        assert [sweep(root, now + moment * 1000 + wait) for wait in (1000, 9000)] == [1, 0]
    assert sweep(root, now + 1_300_000) == 0
    assert moments() == {shown: [("30", 10), ("120", 6), ("300", 0), ("600", 10)]}


def test_a_sweep_that_comes_late_measures_only_what_is_still_that_moment(repository: Repository) -> None:
    root = repository({"app.py": SOURCE.replace(CURSOR, "alpha")})
    shown = show(root, SOURCE, "alpha")
    now = time.time_ns() // 1_000_000
    assert [sweep(root, now + 1000 * late) for late in (70, 250, 590)] == [0, 0, 1]
    assert moments() == {shown: [("300", 5)]}


def test_another_branch_says_nothing_and_a_commit_does_no_harm(repository: Repository, tmp_path: Path) -> None:
    root = repository({"app.py": SOURCE.replace(CURSOR, "0")})
    commit(root)
    git(root, "branch", "other")
    (root / "app.py").write_text(SOURCE.replace(CURSOR, ""))
    commit(root, "ready")
    shown = show(root, SOURCE, "alpha")
    (root / "app.py").write_text(SOURCE.replace(CURSOR, "alpha"))
    commit(root, "mine")
    now = time.time_ns() // 1_000_000
    git(root, "checkout", "-q", "other")
    assert sweep(root, now + 40_000) == 0
    git(root, "checkout", "-q", "-")
    assert sweep(root, now + 45_000) == 1
    assert moments() == {shown: [("30", 5)]}


def test_a_file_that_is_gone_holds_nothing_and_other_trees_are_not_ours(repository: Repository, tmp_path: Path) -> None:
    root = repository({"app.py": SOURCE.replace(CURSOR, "")})
    commit(root)
    git(root, "worktree", "add", "-q", str(tmp_path / "other"))
    shown = show(root, SOURCE, "alpha")
    (root / "app.py").unlink()
    now = time.time_ns() // 1_000_000 + 31_000
    assert sweep(tmp_path / "other", now) == 0
    assert sweep(root, now) == 1
    assert moments() == {shown: [("30", 0)]}
