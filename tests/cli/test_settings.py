"""`repocomp config`: what is shown, and that a change touches one line of the user's own file."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.cli import app, settings_file
from repocomp.config import load_settings, unknown_variables, user_file
from repocomp.errors import ExitCode
from tests.conftest import Repository

Output = pytest.CaptureFixture[str]


def write(text: str) -> Path:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_bytes(text.encode())
    return user_file()


def config(*arguments: str) -> int:
    return app.run(["config", *arguments])


def test_it_names_the_file(capsys: Output) -> None:
    assert config() == ExitCode.OK
    assert f"{user_file()} (not there yet)" in capsys.readouterr().out
    config("set", "mode", "line")
    capsys.readouterr()
    config()
    assert capsys.readouterr().out.splitlines()[-1] == f"file: {user_file()}"


def test_a_long_value_leaves_its_origin_readable(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "qwen2.5-coder-0.5b-instruct"
    monkeypatch.setenv("REPOCOMP_GENERATOR", name)
    config()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[:-1]]
    assert ["generator", name, "REPOCOMP_GENERATOR"] in rows
    assert all(len(row) == 3 for row in rows)


def test_a_value_is_set_read_and_removed(capsys: Output) -> None:
    assert config("set", "max_new_tokens", "48") == ExitCode.OK
    assert user_file().read_text() == "max_new_tokens = 48\n"
    assert load_settings(None, {}).max_new_tokens == 48
    capsys.readouterr()
    config("get", "max_new_tokens")
    assert capsys.readouterr().out == "48\n"
    config("get", "max_new_tokens", "--json")
    settings = json.loads(capsys.readouterr().out)["data"]["settings"]
    assert settings == {"max_new_tokens": {"value": 48, "origin": str(user_file())}}
    assert config("unset", "max_new_tokens") == ExitCode.OK
    assert user_file().read_text() == ""
    assert config("unset", "max_new_tokens") == ExitCode.OK


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\nmode = 'auto'  # why\nlearn = \"never\"\n", '# mine\nmode = "line"  # why\nlearn = "never"\n'),
        ('mode="auto"', 'mode="line"'),
        ('# mine\r\n"mode" = \'auto\'\r\nlearn = "never"\r\n', '# mine\r\n"mode" = "line"\r\nlearn = "never"\r\n'),
        ('policy = "a # mode = b"\nmode = "auto"\n', 'policy = "a # mode = b"\nmode = "line"\n'),
        ('# mode = "block"\n', 'mode = "line"\n# mode = "block"\n'),
        ('\ufeffmode = "auto"\n', 'mode = "line"\n'),
    ],
)
def test_everything_else_stays(before: str, after: str) -> None:
    write(before)
    assert config("set", "mode", "line") == ExitCode.OK
    assert user_file().read_bytes().decode() == after


def test_a_link_stays_one_and_permissions_stay(tmp_path: Path) -> None:
    own = tmp_path / "dotfiles.toml"
    own.write_text('mode = "auto"\n')
    own.chmod(0o640)
    user_file().parent.mkdir(parents=True)
    user_file().symlink_to(own)
    assert config("set", "mode", "line") == ExitCode.OK
    assert user_file().is_symlink()
    assert own.read_text() == 'mode = "line"\n'
    assert os.stat(own).st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.glob(".*toml*")] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "mode", "word"), "mode cannot be 'word'"),
        (("set", "max_new_tokens", "-4"), "from 1 to 100000"),
        (("set", "threshold", "nan"), "from 0 to 1"),
        (("set", "colour", "red"), "no setting 'colour'"),
        (("get", "colour"), "no setting 'colour'"),
        (("unset", "colour"), "no setting 'colour'"),
    ],
)
def test_what_cannot_be_set_changes_nothing(arguments: tuple[str, ...], message: str, capsys: Output) -> None:
    write('mode = "line"\n')
    assert config(*arguments) == ExitCode.ERROR
    assert message in capsys.readouterr().err
    assert user_file().read_text() == 'mode = "line"\n'


def test_a_setting_that_there_is_not_any_more_can_be_removed(capsys: Output) -> None:
    write('colour = "red"\nmode = "line"\n')
    assert config() == ExitCode.ERROR
    assert config("unset", "colour") == ExitCode.OK
    assert config() == ExitCode.OK


def test_a_damaged_file_is_left_alone(capsys: Output) -> None:
    write("mode = \n")
    assert config("set", "mode", "line") == ExitCode.ERROR
    assert user_file().read_text() == "mode = \n"


def test_a_repository_cannot_be_told_apart_from_by_set(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository({".repocomp.toml": 'mode = "block"\n'})
    monkeypatch.chdir(root)
    assert config("set", "mode", "line") == ExitCode.OK
    assert (root / ".repocomp.toml").read_text() == 'mode = "block"\n'


def test_a_variable_that_wins_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setenv("REPOCOMP_MODE", "block")
    assert config("set", "mode", "line") == ExitCode.OK
    said = capsys.readouterr().err
    assert "mode = block (REPOCOMP_MODE)" in said
    assert "unset REPOCOMP_MODE" in said


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_comes_back(text: str) -> None:
    line = settings_file._with('# first\npolicy = "default" # last\n', "policy", settings_file._spelled(text))
    assert tomllib.loads(line)["policy"] == text
    assert line.startswith("# first\n")
    assert line.endswith(" # last\n")


def test_a_variable_that_sets_nothing_is_named_once(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setenv("REPOCOMP_RETREIVE", "never")
    assert unknown_variables(os.environ) == ["REPOCOMP_RETREIVE"]
    assert config() == ExitCode.OK
    said = capsys.readouterr().err
    assert said.count("REPOCOMP_RETREIVE") == 1
    assert "Did you mean 'REPOCOMP_RETRIEVE'?" in said


def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRIEVE", "ARMS", "THRESHOLD", "POLICY"):
        monkeypatch.setenv(f"REPOCOMP_{name}", "")
    assert load_settings(None, {}) == load_settings(
        None, {}, {"REPOCOMP_LEARN": "never", "REPOCOMP_MIN_CONFIDENCE": "0"}
    )
