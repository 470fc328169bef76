"""What a long run keeps: whole lines, whatever cut the run short."""

from __future__ import annotations

from pathlib import Path

from repocomp.train.notes import Notes


def test_notes_outlive_the_run_that_took_them(tmp_path: Path) -> None:
    path = tmp_path / "new" / "notes.jsonl"
    notes = Notes(path)
    notes.put("one", [1, 2.5])
    notes.put("two", None)
    with path.open("a") as stream:
        stream.write('["three", [1')
    again = Notes(path)
    assert (again.get("one"), again.get("three")) == ([1, 2.5], None)
    again.put("three", [3])
    assert Notes(path).get("three") == [3]
    again.forget()
    assert not path.exists()


def test_without_a_file_they_last_as_long_as_the_object() -> None:
    notes = Notes()
    notes.put("one", 1)
    assert notes.get("one") == 1
    notes.forget()
