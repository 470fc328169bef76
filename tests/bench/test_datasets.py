"""Dataset files as they are published: every field used, broken lines named, repositories found under any spelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from repocomp.bench.completion.datasets import by_repository, crosscodeeval, repoeval
from repocomp.bench.completion.run import Plan, bench_dataset
from repocomp.cli import app
from repocomp.errors import BenchError
from tests.conftest import write_files
from tests.train.repositories import modules

FILE = "import sys\n\n\ndef first(x):\n    y = x + 1\n    return y\n\n\ndef second(x):\n    return first(x)\n"


def repoeval_row(**changes: Any) -> dict[str, Any]:
    facts = {
        "task_id": "acme--one/idx",
        "ground_truth": "    y = x + 1\n    return y\n",
        "fpath_tuple": ["acme_one", "one", "a.py"],
        "context_start_lineno": 0,
        "lineno": 4,
        "function_name": "first",
    }
    return {"prompt": "import sys\n\n\ndef first(x):\n", "metadata": {**facts, **changes}}


def crosscodeeval_row(**changes: Any) -> dict[str, Any]:
    chunks = [{"retrieved_chunk": "def helper(a):\n    return a", "filename": "lib.py", "score": 0.5}]
    row = {
        "prompt": "from lib import helper\n\nvalue = ",
        "groundtruth": "helper(3)",
        "right_context": "\nprint(value)\n",
        "metadata": {"task_id": "project_cc_python/1", "repository": "acme-one", "file": "main.py"},
        "crossfile_context": {"text": "", "list": chunks},
    }
    return {**row, **changes}


def write_rows(path: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("spelling", ["acme_one", "acme--one", "acme-one", "acme+one", "acme/one", "one"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_repoeval_puts_the_file_around_the_hole(tmp_path: Path, spelling: str, newline: str) -> None:
    write_files(tmp_path / spelling, {"one/a.py": FILE.replace("\n", newline)})
    path = write_rows(tmp_path / "dataset" / "function_level.jsonl", repoeval_row())
    (task,) = repoeval(path).tasks
    assert task.repository == tmp_path / spelling
    assert (task.hole.kind, task.hole.answer) == ("function", "y = x + 1\n    return y")
    assert task.hole.opened.data.decode() == FILE.replace("y = x + 1\n    return y", "")


def test_a_file_that_moved_is_found_by_its_content(tmp_path: Path) -> None:
    write_files(tmp_path / "acme_one", {"one/a.py": "other\n", "src/one/a.py": FILE})
    (task,) = repoeval(write_rows(tmp_path / "line_level.jsonl", repoeval_row())).tasks
    assert (task.hole.document.path, task.hole.kind) == ("src/one/a.py", "line")


def test_without_its_file_a_task_has_the_prompt_and_no_index(tmp_path: Path) -> None:
    write_files(tmp_path / "acme_one", {"one/a.py": "other\n"})
    (task,) = repoeval(write_rows(tmp_path / "a.jsonl", repoeval_row())).tasks
    assert task.repository is None
    assert task.hole.opened.data == b"import sys\n\n\ndef first(x):\n    "


def test_crosscodeeval_brings_its_chunks(tmp_path: Path) -> None:
    (task,) = crosscodeeval(write_rows(tmp_path / "a.jsonl", crosscodeeval_row())).tasks
    assert (task.hole.answer, task.hole.kind, task.repository) == ("helper(3)", "line", None)
    assert [(hit.path, hit.text) for hit in task.supplied] == [("lib.py", "def helper(a):\n    return a")]


@pytest.mark.parametrize("read", [repoeval, crosscodeeval])
def test_a_broken_line_is_named_and_the_rest_goes_on(tmp_path: Path, read: Any) -> None:
    good = repoeval_row() if read is repoeval else crosscodeeval_row()
    path = write_rows(tmp_path / "a.jsonl", "{", "[]", '{"metadata": 3}', good, "null")
    dataset = read(path)
    assert len(dataset.tasks) == 1
    assert [reason.split(": ")[0] for reason in dataset.skipped] == [f"a.jsonl:{n}" for n in (1, 2, 3, 5)]


@pytest.mark.parametrize("content", ["", "\n\n", "{}\n", "not json"])
def test_a_file_without_a_usable_line_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    for read in (repoeval, crosscodeeval):
        with pytest.raises(BenchError, match=r"a\.jsonl"):
            read(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(b"\xff")
    with pytest.raises(BenchError, match="UTF-8"):
        repoeval(tmp_path / "a.jsonl")
    with pytest.raises(BenchError, match="No such file"):
        repoeval(tmp_path / "b.jsonl")


def test_tasks_are_grouped_by_index(tmp_path: Path) -> None:
    write_files(tmp_path / "acme_one", {"one/a.py": FILE})
    rows = [repoeval_row(), repoeval_row(fpath_tuple=["x_y", "b.py"]), repoeval_row()]
    groups = list(by_repository(repoeval(write_rows(tmp_path / "a.jsonl", *rows)).tasks))
    assert [(folder, len(tasks)) for folder, tasks in groups] == [(tmp_path / "acme_one", 2), (None, 1)]


def test_a_dataset_runs_whole_and_hides_the_answer(tmp_path: Path) -> None:
    files = modules("alpha", 4)
    write_files(tmp_path / "acme_one", {**files, "one/a.py": FILE})
    rows = [repoeval_row(), repoeval_row(task_id="x", fpath_tuple=["no_repo", "b.py"])]
    report = bench_dataset(repoeval(write_rows(tmp_path / "function.jsonl", *rows)), Plan(limit=10))
    assert [case.path for case in report.cases] == ["acme--one/idx/one/a.py", "x/no_repo/b.py"]
    assert report.cases[0].chunks
    assert all("one/a.py" not in chunk for chunk in report.cases[0].chunks)
    assert report.cases[1].chunks == ()


def test_the_commands_name_what_they_leave_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_rows(tmp_path / "a.jsonl", "{", crosscodeeval_row())
    assert app.run(["bench", "crosscodeeval", str(path), "--json"]) == 0
    said = capsys.readouterr()
    assert "left out: a.jsonl:1" in said.err
    facts = json.loads(said.out)["data"]["facts"]
    assert (facts["suite"], len(facts["skipped_lines"])) == ("crosscodeeval", 1)
    assert app.run(["bench", "repoeval", str(tmp_path / "none.jsonl")]) == 2
