"""Values, names and streams at the edge: one line or one JSON document, the right code, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from repocomp.cli import app
from tests.conftest import Repository, write_files
from tests.feedback.answers import show
from tests.serve.daemon import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell, and names that are bytes")

NUMBERS = ("nan", "-nan", "inf", "-inf", "1e400", "-1", "1" + "0" * 5000, "0x10", "", " ", "1e-400x")
SETTINGS = ("threshold", "max_new_tokens", "deadline_ms", "retention_days")
OPTIONS = ("--threshold", "--max-new-tokens", "--deadline-ms")


def first_fast(*cases: object) -> list[object]:
    """All of them, those behind the first in the slow suite."""
    return [cases[0], *(pytest.param(case, marks=pytest.mark.slow) for case in cases[1:])]


@pytest.fixture
def root(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = repository({"a.py": "def f(a):\n    return a\n"})
    monkeypatch.chdir(path)
    return path


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The line that says what is wrong; its hint comes behind it."""
    assert app.run([*arguments]) == 2
    out, err = capfd.readouterr()
    first, *others = err.splitlines()
    assert out == ""
    assert first.startswith("repocomp: ")
    assert [line[:6] for line in others] == ["hint: "]
    assert len(first) < 2200
    return first


@pytest.mark.parametrize("option", first_fast(*OPTIONS))
@pytest.mark.parametrize("value", NUMBERS)
def test_options_are_numbers_that_are_some(
    root: Path, capfd: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    refused(capfd, "complete", "a.py:1:1", f"{option}={value}")


@pytest.mark.parametrize("name", first_fast(*SETTINGS))
@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "9" * 4000, "9" * 5000, "-1", "1979-05-27", "[]", "{}", "'nan'"]
)
def test_settings_are_numbers_that_are_some(
    root: Path, isolated: Path, capfd: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    write_files(isolated, {"config/repocomp/config.toml": f"{name} = {value}\n"})
    assert "config.toml" in refused(capfd, "complete", "a.py:1:1")


@pytest.mark.parametrize("name", first_fast(*SETTINGS))
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "9" * 5000, "-1", "\udcff", "\x1b[2J"])
def test_variables_are_numbers_that_are_some(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"REPOCOMP_{name.upper()}", value)
    assert f"REPOCOMP_{name.upper()}" in refused(capfd, "complete", "a.py:1:1")


PLACES = (
    "0:1",
    "1:0",
    "1:999",
    "99:1",
    "-1:1",
    "1:-1",
    "1",
    "",
    ":",
    "1:",
    "#",
    "#-1",
    "#99999",
    "1:nan",
    "9" * 5000 + ":1",
)
LONG = (
    "1:" + "9" * 5000,
    "#" + "9" * 5000,
    "9" * 18 + ":1",
    "1:" + "9" * 18,
    "#" + "9" * 18,
    "1:1:1:1",
    "١:1",
    "1:1\x00",
)


@pytest.mark.parametrize("place", [*PLACES, *LONG], ids=lambda text: repr(text)[:12])
def test_cursors_stand_in_their_file(root: Path, capfd: pytest.CaptureFixture[str], place: str) -> None:
    refused(capfd, "complete", f"a.py:{place}")


FILES = {
    "a name of 300 characters": "n" * 300,
    "a path of 9,000": "x/" * 4500,
    "a device without end": "/dev/zero",
    "random numbers": "/dev/urandom",
    "a folder": ".",
    "a link in a circle": "circle",
    "a pipe that nobody writes to": "pipe",
    "a name that is no UTF-8": "\udcff\udcfe",
    "nothing": "gone.py",
    "what is no text": "binary",
    "a file of a terabyte": "huge",
}


@pytest.mark.parametrize("verb", [["complete"], ["complete", "--json"]], ids=["plain", "json"])
@pytest.mark.parametrize("name", [pytest.param(name, id=words) for words, name in FILES.items()])
def test_files_that_are_none(root: Path, capfdbinary: pytest.CaptureFixture[bytes], name: str, verb: list[str]) -> None:
    (root / "circle").symlink_to("circle")
    (root / "binary").write_bytes(b"\x7fELF\0\0\xff")
    os.mkfifo(root / "pipe")
    with (root / "huge").open("wb") as file:
        file.truncate(1 << 40)
    assert app.run([*verb, f"{name}:1:1"]) == 2
    out, err = capfdbinary.readouterr()
    assert b"Traceback" not in out + err
    if "--json" in verb:
        assert json.loads(out)["errors"][0]["hint"]
    else:
        assert (out, err.count(b"\n")) == (b"", 2)


@pytest.mark.parametrize(
    "word", ["\udcff\udcfe", "'; DROP TABLE impression; --", "c_" + "0" * 9000, "\x1b[2J", "", "~nobody"]
)
@pytest.mark.parametrize(
    "verb", [["model", "use"], ["explain"], ["feedback", "accept"], ["feedback", "forget"], ["model", "show"]]
)
def test_identifiers_that_name_nothing(
    root: Path, capfd: pytest.CaptureFixture[str], verb: list[str], word: str
) -> None:
    refused(capfd, *verb, word)


@pytest.mark.parametrize("name", ["circle", "circle/a.py"])
@pytest.mark.parametrize(
    "verb",
    [
        ["index"],
        ["learn"],
        ["bench", "self"],
        ["bench", "engine", "--llama-bench"],
        ["train", "confidence", "default", "labels"],
        ["train", "policy", "default", "default", "labels"],
        ["fleet"],
        ["model", "add"],
        ["model", "show"],
        ["complete", "a.py:1:1", "--policy"],
    ],
    ids=" ".join,
)
def test_links_in_a_circle(root: Path, capfd: pytest.CaptureFixture[str], verb: list[str], name: str) -> None:
    (root / "circle").symlink_to("circle")
    more = ["out"] if verb == ["fleet"] else []
    refused(capfd, *verb, f"./{name}" if verb[0] in ("model", "complete") else name, *more)


def test_a_chart_is_not_written_into_a_pipe_that_nobody_reads(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(root / "pipe")
    show(root, "def f(a):\n    return <|>\n", "a")
    assert "pipe" in refused(capfd, "feedback", "stats", "--svg", "pipe")


STREAMS = {
    "closed": (">&-", {2}),
    "closed, and standard error": (">&- 2>&-", {2}),
    "all closed": ("<&- >&- 2>&-", {2}),
    "a full device": ("> /dev/full", {2}),
    "a full device for all": ("> /dev/full 2>&1", {2}),
    "a pipe without a reader": ("| true", {0}),
    "a pipe with a hasty one": ("| head -c 1 >/dev/null", {0}),
    "a standard error without a reader": ("2> >(true) >/dev/null", {0}),
}
SPOKEN = {
    "config": "config --json",
    "complete": "complete a.py:2:1 --json --daemon never",
    "list": "model list --json",
    "help": "--help",
    "check-ignore": "check-ignore a.py",
}
STREAM_CASES = [(stream, verb) for stream in STREAMS for verb in SPOKEN]


@pytest.mark.parametrize(
    ("stream", "verb"),
    [
        pytest.param(
            *each, marks=() if each in [("a full device", "complete"), ("closed", "help")] else pytest.mark.slow
        )
        for each in STREAM_CASES
    ],
    ids=lambda word: word.replace(" ", "-"),
)
def test_streams_that_take_nothing(root: Path, stream: str, verb: str) -> None:
    redirection, codes = STREAMS[stream]
    shell = f'set -o pipefail; "{sys.executable}" -m repocomp {SPOKEN[verb]} {redirection}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", shell], cwd=root, capture_output=True, env=environment, text=True, check=False)
    # An answer may be empty, a file indexed; click shows no help where there is no stream, and is content.
    also = {1} if verb in ("complete", "check-ignore") and 0 in codes else {0} if verb == "help" else set()
    assert done.returncode in codes | also, done
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "verb", first_fast("config", "complete a.py:1:1", "index", "feedback list", "hooks status", "doctor")
)
def test_in_a_folder_that_is_gone(tmp_path: Path, verb: str) -> None:
    shell = (
        f'mkdir "{tmp_path}/gone" && cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && exec "$0" -P -m repocomp {verb}'
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["bash", "-c", shell, sys.executable]
    done = subprocess.run(command, capture_output=True, env=environment, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2), done
