"""What a long run keeps: whole lines, whatever cut the run short."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from repocomp.errors import DocumentError
from repocomp.executor.journal import Journal


def test_a_journal_outlives_the_run_that_kept_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.jsonl"
    journal = Journal(path)
    journal.put("one", [1, 2.5])
    journal.put("two", None)
    with path.open("a") as stream:
        stream.write('["three", [1')
    again = Journal(path)
    assert (again.get("one"), again.get("three"), "two" in again, "three" in again) == ([1, 2.5], None, True, False)
    again.put("three", [3])
    assert list(Journal(path).values()) == [[1, 2.5], None, [3]]
    again.forget()
    assert not path.exists()


def test_what_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    for line in ('{"repository": "a"}\n', "[1, 2]\n", "text\n"):
        path.write_text(line)
        with pytest.raises(DocumentError, match="no journal"):
            Journal(path)
        assert path.read_text() == line


def test_without_a_file_it_lasts_as_long_as_the_object() -> None:
    journal = Journal()
    journal.put("one", 1)
    assert journal.get("one") == 1
    journal.forget()


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    asked: list[int] = []

    def run(tasks: Iterable[int]) -> Iterator[int]:
        for task in tasks:
            asked.append(task)
            yield -task

    tasks = {str(number): number for number in range(6)}
    first = Journal.of_run(tmp_path, ["this"]).follow(tasks, run)
    assert [next(first), next(first)] == [0, -1]
    first.close()  # type: ignore[attr-defined]
    assert list(Journal.of_run(tmp_path, ["this"]).follow(tasks, run)) == [0, -1, -2, -3, -4, -5]
    assert sorted(asked) == list(range(6))
    assert len(Journal.of_run(tmp_path, ["that"])) == 0


def test_tasks_that_are_not_drawn_any_more_end_the_run() -> None:
    def run(tasks: Iterable[int]) -> Iterator[int]:
        yield next(iter(tasks))

    journal = Journal()
    journal.put("b", 20)
    assert list(journal.follow({"a": 10, "b": 2, "c": 30}, run)) == [10, 20]


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
def test_what_is_noted_is_the_users_alone(tmp_path: Path) -> None:
    journal = Journal.of_run(tmp_path / "cache", ["pack"])
    journal.put("a", "source text")
    (file,) = (tmp_path / "cache").iterdir()
    assert [stat.S_IMODE(one.stat().st_mode) for one in (file, file.parent)] == [0o600, 0o700]
