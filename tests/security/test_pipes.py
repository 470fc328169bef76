"""A named pipe without a writer in every place of the command line that takes a path: one line, and no waiting."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from repocomp.cli import app
from repocomp.process import command
from tests.conftest import Repository
from tests.security.command_lines import commands

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
BUDGET_S = 60
PATHS = {"pack", "name", "recipe", "cursor", "policy", "generator", "against", "stdin_filename"}
"""Parameters without the type of a path that take one as well."""


def takes_a_path(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.Path) or parameter.name in PATHS


def places() -> Iterator[tuple[list[str], str]]:
    """Every command, and the name of one of its parameters that takes a path."""
    for path, parameters in commands():
        for parameter in parameters:
            if takes_a_path(parameter) and parameter.name is not None and path[0] != "serve":
                yield path, parameter.name


def words(path: list[str], name: str, pipe: Path, other: Path) -> list[str]:
    """A command line with the pipe in the place of the parameter `name`, and what might be there in all others."""
    parameters = next(parameters for own, parameters in commands() if own == path)
    found = list(path)
    for parameter in parameters:
        is_this = parameter.name == name
        value = f"{pipe}:1:1" if parameter.name == "cursor" and is_this else str(pipe)
        if isinstance(parameter, click.Argument):
            if is_this or parameter.required:
                found.append(value if is_this else _usual(parameter, other))
        elif is_this or parameter.required:
            found += [parameter.opts[0], value if is_this else _usual(parameter, other)]
    return found


def _usual(parameter: click.Parameter, other: Path) -> str:
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    if parameter.name == "cursor":
        return f"{other / 'a.py'}:1:1"
    return "default" if parameter.name == "pack" else str(other)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "name"), [*places()], ids=str)
def test_no_place_waits_for_a_writer(path: list[str], name: str, repository: Repository, tmp_path: Path) -> None:
    root, pipe = repository({"a.py": "x = 1\n"}), tmp_path / "pipe"
    os.mkfifo(pipe)
    line = words(path, name, pipe, root)
    done = subprocess.run(
        command(*line),
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUDGET_S,
        check=False,
    )
    assert done.returncode in (0, 1, 2), (line, done)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["bench", "crosscodeeval", "{}"], ["bench", "self", "--compare", "{}"]])
def test_what_is_read_once_may_come_from_a_pipe(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=pipe.write_text, args=('{"prompt": 1}\n',))
    feeder.start()
    assert app.run([word.format(pipe) for word in words]) == 2
    feeder.join()
    assert "nobody writes" not in (told := capsys.readouterr().err)
    assert "KeyError" in told
