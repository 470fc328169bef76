"""`repocomp complete` as users meet it: the embedded pack, real processes where one matters, every bad input."""

from __future__ import annotations

import io
import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from repocomp.cli import app
from repocomp.index.build import build
from repocomp.store.feedback.rows import impressions
from repocomp.store.paths import feedback_paths, index_path
from tests.cli.documents import check
from tests.conftest import Repository, write_files
from tests.serve.daemon import repocomp

FILES = {
    "app/store.py": (
        "class Store:\n    def open_connection(self, path, timeout):\n        return path\n\n"
        "    def close_connection(self):\n        return None\n"
    ),
    "app/main.py": (
        "from app.store import Store\n\n\ndef run(path):\n"
        "    store = Store()\n    connection = store.open_\n    return connection\n"
    ),
}


def here(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The same in this process: a new one for each takes half a second."""
    out, err = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        for name, stream in (("stdin", io.TextIOWrapper(io.BytesIO(stdin))), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        code = app.run(list(arguments))
        out.flush()
        err.flush()
    return subprocess.CompletedProcess(arguments, code, out.buffer.getvalue(), err.buffer.getvalue())


def complete(*arguments: str, cwd: Path, stdin: bytes = b"") -> dict[str, Any]:
    done = here("complete", "--json", *arguments, cwd=cwd, stdin=stdin)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode
    assert done.stderr == b""
    return document


@pytest.fixture
def indexed(repository: Repository) -> Path:
    root = repository(FILES)
    assert here("index", cwd=root).returncode == 0
    return root


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    data = {key: value for key, value in document["data"].items() if key != "timings_ms"}
    drafts = [{**draft, "ms": 0.0} for draft in data["drafts"]]
    return {**document, "data": {**data, "drafts": drafts}}


def test_json_keeps_its_schema_and_the_same_request_gets_the_same_answer(indexed: Path) -> None:
    request = ("app/main.py:6:29", "--retrieve", "always")
    document = complete(*request, cwd=indexed)
    check(document)
    other = repocomp("complete", "--json", *request, cwd=indexed)
    assert other.stderr == b""
    assert without_times(json.loads(other.stdout)) == without_times(document)


def test_always_uses_the_index_and_never_does_not(indexed: Path) -> None:
    used = complete("app/main.py:6:29", "--retrieve", "always", cwd=indexed)["data"]["retrieval"]
    assert (used["decision"], used["skipped"], used["rule"]) == ("used", False, "always")
    assert "app/store.py" in {chunk["path"] for chunk in used["chunks"]}
    skipped = complete("app/main.py:6:29", "--retrieve", "never", cwd=indexed)["data"]["retrieval"]
    assert (skipped["decision"], skipped["skipped"], skipped["chunks"]) == ("skipped", True, [])


def test_the_threshold_decides(indexed: Path) -> None:
    low = complete("app/main.py:6:29", "--threshold", "0", cwd=indexed)["data"]["retrieval"]
    high = complete("app/main.py:6:29", "--threshold", "1", cwd=indexed)["data"]["retrieval"]
    assert (low["decision"], high["decision"]) == ("used", "skipped")
    assert 0 < low["probability"] == high["probability"] < 1


def test_one_arm_alone(indexed: Path) -> None:
    data = complete("app/main.py:6:29", "--retrieve", "always", "--arms", "structured", cwd=indexed)["data"]
    assert [arm["name"] for arm in data["retrieval"]["arms"]] == ["structured"]


def test_stdout_is_the_text_alone(indexed: Path) -> None:
    done = repocomp("complete", "app/main.py:6:29", "--retrieve", "always", cwd=indexed)
    expected = complete("app/main.py:6:29", "--retrieve", "always", cwd=indexed)["data"]["text"]
    assert done.stdout.decode() == expected


def test_a_buffer_on_standard_input_is_completed_as_the_file_it_is(indexed: Path) -> None:
    saved = complete("app/main.py:6:29", cwd=indexed)
    buffer = (indexed / "app/main.py").read_bytes()
    piped = complete("-:6:29", "--stdin-filename", "app/main.py", cwd=indexed, stdin=buffer)
    assert without_times(piped) == without_times(saved)


def test_offset_and_encodings_name_the_same_place(repository: Repository) -> None:
    root = repository({"a.py": "name = 'é𝒳'  # x\nvalue = na\n"})
    by_offset = complete(f"a.py:#{len('name = ' + chr(39)) + 6}", cwd=root)["data"]["range"]
    utf16 = complete("a.py:1:12", "--position-encoding", "utf-16", cwd=root)["data"]["range"]
    utf32 = complete("a.py:1:11", "--position-encoding", "utf-32", cwd=root)["data"]["range"]
    assert by_offset == utf16 == utf32


def test_without_an_index_the_file_alone_is_read_and_a_warning_says_so(repository: Repository) -> None:
    root = repository(FILES)
    data = complete("app/main.py:6:29", "--retrieve", "always", cwd=root)["data"]
    assert data["retrieval"]["decision"] == "unavailable"
    assert any("repocomp index" in warning for warning in data["warnings"])


def test_an_empty_answer_says_why(indexed: Path) -> None:
    document = complete("app/main.py:6:29", "--deadline-ms", "0", cwd=indexed)
    assert (document["status"], document["exit_code"], document["data"]["text"]) == ("nothing", 1, "")
    assert "deadline" in document["data"]["reason"]
    assert here("complete", "app/main.py:6:29", "--deadline-ms", "0", "--exit-zero", cwd=indexed).returncode == 0


def test_an_answer_is_recorded_once_it_was_given(indexed: Path) -> None:
    given = [complete("app/main.py:6:29", "--retrieve", "always", cwd=indexed)["data"] for _ in range(2)]
    complete("app/main.py:6:29", "--no-record", "--max-new-tokens", "1", cwd=indexed)
    complete("app/main.py:5:1", "--no-text", "--prefetch", cwd=indexed)
    (path,) = feedback_paths()
    with closing(sqlite3.connect(path)) as connection:
        first, second = impressions(connection)
    assert (first.id, first.text, first.shows) == (given[0]["id"], given[0]["text"], 2)
    retrieval = first.details()["retrieval"]
    assert retrieval == given[0]["retrieval"]
    assert {draw["arm"] for draw in retrieval["draws"]} == {arm["name"] for arm in retrieval["arms"]}
    assert sum(chunk["tokens"] for chunk in retrieval["chunks"]) <= retrieval["budget_tokens"]
    assert (second.text, second.shown, second.details()["prefetched"]) == (None, False, True)


def test_an_answer_stands_whatever_happens_to_the_record(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = complete("app/main.py:6:29", cwd=indexed)
    monkeypatch.setenv("XDG_DATA_HOME", str(indexed / "app" / "main.py"))
    done = here("complete", "--json", "app/main.py:6:29", cwd=indexed)
    assert done.returncode == expected["exit_code"]
    assert without_times(json.loads(done.stdout)) == without_times(expected)
    assert done.stderr.startswith(b"repocomp: feedback was not recorded: ")


BAD = [
    (["app/main.py:99:1"], "cursor", "the file has 8 lines"),
    (["app/main.py:6:99"], "cursor", "line 6 has columns 1 to 29"),
    (["app/main.py:#9999"], "cursor", "bytes"),
    (["app/main.py"], "cursor", "is not a cursor"),
    (["missing.py:1:1"], "document", "no such file"),
    (["app:1:1"], "document", "Is a directory"),
    (["binary.bin:1:1"], "document", "binary"),
    (["latin.py:1:1"], "document", "not UTF-8"),
    (["-:1:1"], "cursor", "needs a name"),
    (["app/main.py:6:" + "9" * 5000], "cursor", "is not a cursor"),
    (["app/main.py:#" + "9" * 5000], "cursor", "is not a cursor"),
    (["a" * 300 + ".py:1:1"], "document", "File name too long"),
    (["-:1:1", "--stdin-filename", "a" * 300 + ".py"], "system", "File name too long"),
    (["app/main.py:6:29", "--threshold", "nan"], "usage", "not a finite number"),
    (["app/main.py:6:29", "--deadline-ms", "inf"], "usage", "not a finite number"),
    (["app/main.py:6:29", "--generator", "nope"], "pack", "no model pack"),
    (["app/main.py:6:29", "--retrieve", "always", "--arms", "nope"], "config", "no arm 'nope'"),
    (["app/main.py:6:29", "--mode", "nope"], "usage", "nope"),
    ([], "usage", "CURSOR"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), BAD)
def test_bad_input_gets_one_clear_line_and_exit_code_2(
    repository: Repository, arguments: list[str], code: str, message: str
) -> None:
    root = repository(FILES)
    (root / "binary.bin").write_bytes(b"\x7fELF\0\0")
    (root / "latin.py").write_bytes(b"caf\xe9 = 1\n")
    build(root)
    done = here("complete", *arguments, cwd=root)
    assert (done.returncode, done.stdout) == (2, b"")
    first, hint = done.stderr.decode().strip().split("\n")
    assert first.startswith("repocomp: ")
    assert message in first
    assert hint.startswith("hint: ")
    document = json.loads(here("complete", "--json", *arguments, cwd=root).stdout)
    assert (document["status"], document["exit_code"], document["data"]) == ("error", 2, None)
    assert document["errors"][0]["code"] == code


def test_bad_input_ends_the_process_with_exit_code_2(indexed: Path) -> None:
    done = repocomp("complete", "app/main.py:99:1", cwd=indexed)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 2)


def test_a_damaged_index_is_named_and_mended(indexed: Path) -> None:
    path = index_path(indexed)
    path.write_bytes(b"x" * 5000)
    done = repocomp("complete", "app/main.py:6:29", cwd=indexed)
    assert (done.returncode, b"damaged" in done.stderr, b"--rebuild" in done.stderr) == (2, True, True)
    assert here("index", "--rebuild", cwd=indexed).returncode == 0
    assert complete("app/main.py:6:29", cwd=indexed)["exit_code"] in (0, 1)


def test_odd_files_are_completed_or_answered_with_a_reason(repository: Repository) -> None:
    root = repository({"empty.py": "", "tabs.go": "func f() {\n\treturn \n}\n", "notes.txt": "dear all\n"})
    (root / "crlf.py").write_bytes(b"def f(a):\r\n    return \r\n\r\nprint(f(1))\r\n")
    (root / "line.js").write_bytes(b"var a = [" + b"1, " * 300_000 + b"]")
    for cursor in ("empty.py:1:1", "tabs.go:2:9", "notes.txt:1:9", "crlf.py:2:12", "line.js:1:500000"):
        document = complete(cursor, cwd=root)
        check(document)
        data = document["data"]
        assert data["text"] or data["reason"]
        assert data["tokens"]["prompt"] <= 1024 + 8
    block = complete("crlf.py:1:10", "--mode", "block", cwd=root)["data"]["text"]
    assert "\n" not in block.replace("\r\n", "")


def test_work_outside_git_and_without_a_home(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    assert complete("app/main.py:6:29", cwd=tmp_path)["data"]["retrieval"]["decision"] in ("skipped", "unavailable")
    assert repocomp("index", cwd=tmp_path).returncode == 0
    used = complete("app/main.py:6:29", "--retrieve", "always", cwd=tmp_path)["data"]["retrieval"]
    assert used["decision"] == "used"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes everywhere")
def test_a_cache_that_cannot_be_written_is_named(repository: Repository, isolated: Path) -> None:
    root = repository(FILES)
    isolated.chmod(0o500)
    done = repocomp("index", cwd=root)
    isolated.chmod(0o700)
    assert (done.returncode, b"hint:" in done.stderr) == (2, True)


@pytest.mark.parametrize("folder", ["/proc", "/dev/null/cache"])
def test_a_cache_that_nobody_can_write_is_named(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Not even the superuser, for whom the test above is skipped."""
    root = repository(FILES)
    monkeypatch.setenv("XDG_CACHE_HOME", folder)
    done = repocomp("index", cwd=root)
    assert (done.returncode, b"hint:" in done.stderr, b"Traceback" in done.stderr) == (2, True, False)


def test_a_path_that_cannot_hold_the_cache_is_named(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(FILES)
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "app" / "main.py"))
    done = repocomp("index", cwd=root)
    assert (done.returncode, done.stderr.startswith(b"repocomp: "), b"hint:" in done.stderr) == (2, True, True)


def test_indexing_says_in_json_what_it_left_out(repository: Repository) -> None:
    root = repository({**FILES, "empty.py": "", "data.min.js": "x" * 9})
    # A file that changed less than two seconds before it was read is read again.
    for name in FILES:
        os.utime(root / name, (1e9, 1e9))
    for indexed in (len(FILES), 0):
        done = here("index", "--json", cwd=root)
        data = json.loads(done.stdout)["data"]
        assert (done.returncode, data["indexed"], sum(data["skipped"].values())) == (0, indexed, 2)
        assert data["unchanged"] == len(FILES) - indexed


@pytest.mark.slow
def test_random_cursors_in_this_repository(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    assert repocomp("index", cwd=root).returncode == 0
    rng = random.Random(0)
    files = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".toml", ".md", ".1", ".fish"))
    decisions = set()
    for _ in range(60):
        path = rng.choice(files)
        data = path.read_bytes()
        offset = rng.randrange(len(data) + 1)
        while offset < len(data) and data[offset] & 0xC0 == 0x80:
            offset += 1
        document = complete(f"{path}:#{offset}", "--threshold", "0.3", cwd=root)
        check(document)
        decisions.add(document["data"]["retrieval"]["decision"])
        assert document["data"]["text"] or document["data"]["reason"]
    assert decisions >= {"skipped", "used"}
