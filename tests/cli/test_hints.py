"""Every command that a hint or a remark of the source names exists, and takes what it is given there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from repocomp.cli import app
from repocomp.cli.house import ROOT
from repocomp.cli.verbs import train
from repocomp.errors import ExitCode
from tests.conftest import Repository

_COMMAND = re.compile(r"\brepocomp ((?:[a-z-]+|--?[a-z-]+)(?: (?:'[^']*'|[^\s;,<>&()']+))*)")
_PROSE = {"again", "never", "was", "prints", "from"}
"""Words that follow the name in a sentence."""


def texts(tree: ast.Module) -> Iterator[str]:
    """Every string but docstrings, what is filled in shown as FILE."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "FILE" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation | inner:
            yield node.value


def named() -> list[tuple[str, str]]:
    """(file, command line) of every command that some text names."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            for match in _COMMAND.finditer(text):
                words = match[1].split()
                if words[0] not in _PROSE:
                    found.append((path.name, match[1].rstrip(".:`'\"")))
    return sorted(set(found))


def accepted(line: str) -> None:
    """Parse a command line without running it. Raises click's own errors; what stands for a value has any type."""
    # A cursor in a buffer on standard input looks like an option.
    words = [word for word in line.replace("|", " ").replace("`", " ").split() if not word.startswith("-:")]
    command: click.Command = app.cli
    context = click.Context(app.cli, info_name="repocomp")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name == "FILE":
            return
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no command {name!r}")
        command, context = found, click.Context(found, parent=context, info_name=name)
    parser = command.make_parser(context)
    parser.parse_args(args=words)


def test_there_are_many() -> None:
    assert len(named()) > 60


@pytest.mark.parametrize(("file", "line"), named())
def test_every_command_that_is_named_exists(file: str, line: str) -> None:
    accepted(line)


@pytest.mark.parametrize("line", ["lern", "hooks instal", "feedback accept last --txt x", "index --prunes"])
def test_one_that_does_not_is_found(line: str) -> None:
    with pytest.raises(click.ClickException):
        accepted(line)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("frobnicate index", "repocomp --help"),
        ("hooks stauts", "repocomp hooks --help"),
        ("feedback accept last --txt x", "repocomp feedback accept --help"),
        ("index --prunes", "repocomp index --help"),
        ("bench self --limt 3", "repocomp bench self --help"),
        ("--color never complete --nonsense", "repocomp complete --help"),
        ("--colour never", "repocomp --help"),
    ],
)
def test_a_mistake_is_answered_with_the_help_of_that_very_command(
    line: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(line.split()) == ExitCode.ERROR
    assert capsys.readouterr().err.splitlines()[-1] == f"hint: {hint}"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("indx", "index"),
        ("cmplete a.py:1:1", "complete"),
        ("complete --retreive never a.py:1:1", "--retrieve"),
        ("config set mdoe line", "mode"),
        ("config get treshold", "threshold"),
        ("complete a.py:1:1 --daemon never --retrieve always --arms jacard", "jaccard"),
        ("complete a.py:1:1 --daemon never --generator defualt", "default"),
    ],
)
def test_what_was_meant_is_named(
    line: str,
    word: str,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(repository({"a.py": "x = 1\n"}))
    app.run(["index", "--quiet"])
    assert app.run(line.split()) == ExitCode.ERROR
    assert f"Did you mean '{word}'?" in capsys.readouterr().err


def test_a_shared_folder_of_hooks_is_named_with_the_command_that_was_called(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repository({"a.py": "x = 1\n"})
    monkeypatch.chdir(root)
    subprocess.run(["git", "config", "core.hooksPath", str(tmp_path / "hooks")], check=True)
    for action in ("install", "uninstall"):
        assert app.run(["hooks", action]) == ExitCode.ERROR
        assert f"hint: repocomp hooks {action} --shared" in capsys.readouterr().err
        assert app.run(["hooks", action, "--shared"]) == ExitCode.OK
    assert list((tmp_path / "hooks").iterdir()) == []


@pytest.mark.parametrize("stage", ["all a b", "label a default b", "tune a b c"])
def test_what_needs_the_extra_says_how_it_is_installed(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "find_spec", lambda name: None)
    assert app.run(["train", *stage.split()]) == ExitCode.ERROR
    assert capsys.readouterr().err.splitlines()[-1] == "hint: pip install 'repocomp[train]'"


@pytest.mark.parametrize("stage", ["confidence default labels.jsonl", "policy default default trials.jsonl"])
def test_a_pack_is_fitted_to_a_tree_without_the_extra(stage: str, repository: Repository, tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules.update(torch=None, onnx=None, lightgbm=None)\n"
        "from repocomp.cli.app import run; sys.exit(run(sys.argv[1:]))"
    )
    root = repository({"a.py": "x = 1\n"})
    done = subprocess.run(
        [sys.executable, "-c", program, "train", *stage.split(), str(root), "--holes", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tmp_path / stage.split()[-1]).exists(), done.stderr
    assert "few" in done.stderr
