"""The boundary: every exit code once, the envelope of every verb, what is imported, and the generated files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from repocomp.__main__ import main
from repocomp.cli import app, output
from repocomp.cli.pages import main as generate
from repocomp.errors import ExitCode, RepocompError
from tests.conftest import Repository

HERE = Path(__file__).parents[2]


def raising(error: Exception) -> Callable[[], int]:
    def fail() -> int:
        raise error

    return fail


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


def test_a_language_server_that_fails_is_told_as_every_verb_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], isolated: Path
) -> None:
    """It starts without the command line, which still has the last word."""
    for error, code, said in (
        (RuntimeError("password = 'hunter2'"), ExitCode.BUG, "a bug in repocomp; the details are in "),
        (OSError(9, "Bad file descriptor"), ExitCode.ERROR, "Bad file descriptor"),
        (RepocompError("no such place", "repocomp doctor"), ExitCode.ERROR, "no such place"),
    ):
        monkeypatch.setattr("repocomp.serve.lsp.main.serve", raising(error))
        monkeypatch.setattr(sys, "argv", ["repocomp", "lsp"])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert (left.value.code, out) == (code, "")
        assert err.startswith(f"repocomp: {said}")
        assert err.count("\n") == 2
    (log,) = (isolated / "state" / "repocomp").glob("crash-*.log")
    assert "RuntimeError" in log.read_text()
    assert "hunter2" not in log.read_text()


def test_two_bugs_within_a_second_have_a_log_each(monkeypatch: pytest.MonkeyPatch, isolated: Path) -> None:
    monkeypatch.setattr(app.cli, "main", lambda *a, **k: 1 / 0)
    for _ in range(3):
        assert app.run(["config"]) == ExitCode.BUG
    logs = list((isolated / "state" / "repocomp").iterdir())
    assert len(logs) == 3
    assert all("ZeroDivisionError" in log.read_text() and log.stat().st_mode & 0o777 == 0o600 for log in logs)


def test_a_wrong_cursor_is_told_without_the_models(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    code = (
        "import sys; from repocomp.cli.app import run; codes = [int(run(['complete', cursor, '--daemon', 'never']))"
        " for cursor in ('a.py', 'a.py:9:1', 'a.py:1:99', 'a.py:#99', 'b.py:1:1')];"
        "print(codes, sorted({'numpy', 'onnxruntime', 'tokenizers'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.stdout == "[2, 2, 2, 2, 2] []\n"


@pytest.mark.parametrize("group", ["", "hooks", "feedback", "bench", "train"])
def test_a_group_without_a_command_shows_its_help(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(group.split()) == ExitCode.ERROR
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"Usage: {f'repocomp {group}'.strip()} [OPTIONS] COMMAND")
    assert "\nCommands:\n" in said.err


def test_a_closed_standard_error_loses_what_is_said_on_it_alone(repository: Repository) -> None:
    root = repository({"a.py": "alpha = 1\nbeta = alp"})
    command = f"{sys.executable} -m repocomp complete a.py:2:11 --verbose --daemon never 2>&-"
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(["sh", "-c", command], cwd=root, env=environment, stdout=subprocess.PIPE, check=False)
    assert done.returncode == ExitCode.OK
    assert done.stdout


@pytest.mark.parametrize(("name", "hint"), [("a" * 300, "use a shorter name"), ("a" * 300 + ":1:1", "name a readable")])
def test_what_the_system_refuses_has_a_hint_that_helps(
    name: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["complete" if ":" in name else "index", name]) == ExitCode.ERROR
    assert f"hint: {hint}" in capsys.readouterr().err


def test_doctor_finds_folders_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert app.run(["doctor", "--json"]) == ExitCode.ERROR
    (fault,) = (check for check in json.loads(capsys.readouterr().out)["data"] if not check["ok"])
    assert fault["name"] == "folders"
    assert f"{tmp_path / 'file'} is not a folder" in fault["found"]


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
    heavy = "{'numpy', 'onnxruntime', 'tokenizers', 'tree_sitter', 'sqlite_utils', 'rich', 'torch'}"
    code = f"import sys; from repocomp.cli.app import run; run(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_completing_imports_no_progress_bars_and_no_trainer() -> None:
    code = (
        "import sys; from repocomp.cli.app import run; run(['complete', 'README.md:1:1', '--json']);"
        "print(sorted({'rich', 'sqlite_utils', 'torch', 'onnx', 'tree_sitter'} & set(sys.modules)))"
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


def test_a_crash_log_is_private_and_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], isolated: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("cannot read password = 'hunter2-in-the-message'")

    monkeypatch.setattr(app.cli, "main", fail)
    arguments = ["feedback", "edit", "last", "--text", "x = source_text()", "--token=0a9s8d7f6g5hq1w2"]
    assert app.run(arguments) == ExitCode.BUG
    (log,) = (isolated / "state" / "repocomp").iterdir()
    written = log.read_text()
    assert "feedback" in written
    assert not [word for word in ("hunter2", "source_text", "0a9s8d7f6g5h") if word in written]
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def run(command: str, folder: Path = HERE) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a shell's command with `repocomp` in it."""
    shell = f'repocomp() {{ "{sys.executable}" -m repocomp "$@"; }}; {command}'
    environment = {**os.environ, "PYTHONPATH": str(HERE), "REPOCOMP_DAEMON": "never"}
    done = subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, env=environment, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("repocomp config >&-", "standard output is closed"),
        ("repocomp config --json >&-", "standard output is closed"),
        ("repocomp config > /dev/full", "No space left on device"),
        ("repocomp config --json > /dev/full", "No space left on device"),
        ("mkdir $HOME/gone && cd $HOME/gone && rmdir $HOME/gone && repocomp config", "cd to another one"),
    ],
)
def test_what_the_system_refuses_is_one_line_and_2(command: str, said: str) -> None:
    code, out, err = run(command)
    assert (code, out) == (ExitCode.ERROR, "")
    assert said in err
    assert [line.split(":")[0] for line in err.splitlines()] == ["repocomp", "hint"]


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_where_nothing_can_be_said_the_code_says_it(redirection: str) -> None:
    assert run(f"repocomp complete nowhere.py:1:1 {redirection}") == (ExitCode.ERROR, "", "")


NUMBERS = ["nan", "inf", "-inf", "1e999", "9" * 30, "9" * 5000]


def options(group: click.Group, context: click.Context) -> Iterator[click.Parameter]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from command.params
        if isinstance(command, click.Group):
            yield from options(command, context)


def test_every_option_that_takes_a_number_takes_finite_ones() -> None:
    context = click.Context(app.cli)
    numeric = [one for one in options(app.cli, context) if isinstance(one.type, click.FloatRange | click.IntRange)]
    assert len(numeric) > 20
    assert [one for one in options(app.cli, context) if one.type in (click.FLOAT, click.INT)] == []
    for one in numeric:
        is_count = isinstance(one.type, click.IntRange)
        for number in NUMBERS if is_count else NUMBERS[:4]:
            with pytest.raises(click.BadParameter) as raised:
                one.type.convert(number, one, context)
            assert len(raised.value.format_message()) < 200


ESCAPES = "a\x1b]0;owned\x07\x1b[31m\u202eb\x9b1m"


def test_what_a_terminal_would_obey_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    app.run(["complete", f"{ESCAPES}\nc.py:1:1"])
    app.run(["explain", ESCAPES])
    said = capsys.readouterr().err
    assert r"a\x1b]0;owned\x07\x1b[31m\u202eb\x9b1m\nc.py: no such file" in said
    assert not set(said) & set("\x1b\x07\x9b\u202e")
    assert output.visible("bytes \udcff, tab\t, line\r\n") == "bytes \\xff, tab\t, line\r\n"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_results_are_raw_only_where_a_program_reads(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], is_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    output.text("\x1b[31mred\udcff")
    output.table_console().print("\x1b]0;x\x07")
    out = capsysbinary.readouterr().out
    assert out.startswith(b"\\x1b[31mred\\xff" if is_terminal else b"\x1b[31mred\xff")
    assert b"\x07" not in out


def test_json_holds_numbers_and_characters_only(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    output.document("config", {"a": float("nan"), "b": [float("inf"), 1.5], "c": "\x7f\x9b\u2028\udcff\x1b é"})
    out = capsysbinary.readouterr().out.decode()
    data = json.loads(out, parse_constant=lambda word: pytest.fail(word))["data"]
    assert data == {"a": None, "b": [None, 1.5], "c": "\x7f\x9b\u2028\ufffd\x1b é"}
    assert not set(out) & set("\x1b\x7f\x9b\u2028")
