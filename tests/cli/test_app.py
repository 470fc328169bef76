"""The boundary: every exit code once, the envelope of every verb, what is imported, and the generated files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from repocomp.cli import app
from repocomp.cli.pages import main as generate
from repocomp.errors import ExitCode
from tests.conftest import Repository

HERE = Path(__file__).parents[2]


def test_done_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("repocomp ")


def test_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["frobnicate"]) == ExitCode.ERROR
    assert "hint: repocomp --help" in capsys.readouterr().err


def test_a_bug_is_3_and_leaves_a_crash_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], isolated: Path
) -> None:
    monkeypatch.setattr(app.cli, "main", lambda *a, **k: 1 / 0)
    assert app.run(["config"]) == ExitCode.BUG
    (log,) = (isolated / "state" / "repocomp").iterdir()
    assert "ZeroDivisionError" in log.read_text()
    said = capsys.readouterr().err
    assert str(log) in said
    assert "Traceback" not in said


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app.cli, "main", interrupt)
    assert app.run(["index"]) == ExitCode.INTERRUPTED


def test_a_closed_pipe_is_0() -> None:
    command = f"{sys.executable} -m repocomp config | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=HERE, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "verb"),
    [
        (["config"], "config"),
        (["doctor"], "doctor"),
        (["model"], "model"),
        (["model", "show", "default"], "model"),
        (["index"], "index"),
        (["index", "--status"], "index"),
        (["check-ignore", "a.py"], "check-ignore"),
        (["explain", "c_0"], "explain"),
        (["feedback", "accept", "c_0"], "feedback"),
        (["feedback", "list"], "feedback"),
        (["feedback", "forget", "--all"], "feedback"),
        (["bench", "self", "--limit", "1"], "bench"),
        (["complete", "nowhere"], "complete"),
        (["frobnicate"], ""),
    ],
)
def test_every_verb_has_the_same_envelope(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    arguments: list[str],
    verb: str,
) -> None:
    monkeypatch.chdir(repository({"a.py": "x = 1\n"}))
    code = app.run([*arguments, "--json"])
    document = json.loads(capsysbinary.readouterr().out)
    assert list(document) == ["version", "command", "status", "exit_code", "errors", "data"]
    assert (document["command"], document["exit_code"]) == (verb, code)
    assert (document["data"] is None) == bool(document["errors"])


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'onnxruntime', 'tokenizers', 'tree_sitter', 'sqlite_utils', 'rich', 'pathspec', 'torch'}"
    code = f"import sys; from repocomp.cli.app import run; run(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_completing_imports_no_progress_bars_and_no_trainer() -> None:
    code = (
        "import sys; from repocomp.cli.app import run; run(['complete', 'README.md:1:1', '--json']);"
        "print(sorted({'rich', 'sqlite_utils', 'torch', 'onnx', 'pathspec', 'tree_sitter'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_man_pages_and_shell_completions_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    assert generate(["--check"]) == 0


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_colour_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, coloured: bool
) -> None:
    monkeypatch.setenv(variable, "1")
    app.run(["frobnicate"])
    assert ("\x1b[" in capsys.readouterr().err) == coloured
    app.run(["--color", "never", "frobnicate"])
    assert "\x1b[" not in capsys.readouterr().err
