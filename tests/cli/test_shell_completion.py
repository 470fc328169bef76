"""TAB in real shells, and the line that makes them know repocomp."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem

from repocomp.cli import app
from repocomp.cli.app import cli
from repocomp.cli.words import ARMS, PACK, RECIPE
from repocomp.errors import ExitCode
from tests.cli.test_man import commands
from tests.conftest import Repository
from tests.serve.daemon import ROOT

START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(repocomp shell-completion bash)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit && compinit -u -D; eval "$(repocomp shell-completion zsh)"; setopt no_auto_menu',
    ),
    "fish": (["fish", "--no-config", "-i"], "repocomp shell-completion fish | source"),
}
_PATIENCE_S = 60.0
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[a-zA-Z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])|\x07|\r")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`repocomp` on the PATH."""
    script = tmp_path / "bin" / "repocomp"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m repocomp "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "dumb")


class Terminal:
    """A shell at a terminal."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.screen = ""
        self._process, self._descriptor = pty.fork()
        if self._process == 0:
            os.chdir(folder)
            os.execvp(command[0], command)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + _PATIENCE_S
        while text not in _ESCAPES.sub("", self.screen):
            assert time.monotonic() < end, self.screen
            if select.select([self._descriptor], [], [], 0.1)[0]:
                self.screen += os.read(self._descriptor, 1 << 16).decode(errors="replace")

    def close(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._descriptor)


@pytest.mark.slow
@pytest.mark.parametrize("shell", START)
def test_tab_in_a_real_shell(shell: str, program: None, repository: Repository) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    root = repository({"setup_it.py": "x = 1\n", "source/api_of_it.py": "x = 1\n"})
    command, line = START[shell]
    terminal = Terminal(command, root)
    try:
        terminal.type(f"{line}\n")
        terminal.type("echo rea''dy\n")
        terminal.wait_for("ready")
        for typed, completed in (
            ("repocomp check-i", "repocomp check-ignore"),
            ("repocomp complete setu", "repocomp complete setup_it.py"),
            ("repocomp complete source/ap", "repocomp complete source/api_of_it.py"),
            ("repocomp complete x --stdin-filename setu", "--stdin-filename setup_it.py"),
            ("repocomp complete x --generator def", "--generator default"),
            ("repocomp check-ignore setu", "repocomp check-ignore setup_it.py"),
            ("repocomp config set max_", "repocomp config set max_new_tokens"),
        ):
            terminal.screen = ""
            terminal.type(f"{typed}\t")
            terminal.wait_for(completed)
            terminal.type("\x15")
    finally:
        terminal.close()


def words(kind: click.types.StringParamType, incomplete: str) -> list[str]:
    items: list[CompletionItem] = kind.shell_complete(click.Context(cli), click.Argument(["x"]), incomplete)
    return [item.type if item.type != "plain" else str(item.value) for item in items]


def test_names_and_paths() -> None:
    assert words(PACK, "") == ["default"]
    assert words(PACK, "def") == ["default"]
    assert words(PACK, "./def") == words(PACK, "work/") == words(PACK, "zz") == ["file"]
    assert "tiny" in words(RECIPE, "t")
    assert words(ARMS, "jac") == ["jaccard"]
    assert words(ARMS, "jaccard,us") == ["jaccard,usage"]
    assert words(ARMS, "usage,us") == []


def test_nothing_that_names_a_file_or_a_pack_is_left_without() -> None:
    """By the words that the help shows for it."""
    named = {"PACK", "FILE", "FOLDER", "PATH", "CURSOR", "CHECKPOINT", "CORPUS", "OUT", "ID", "NAME,…"}
    for command in commands(cli):
        for parameter in command.params:
            shown = parameter.metavar or (parameter.name or "").upper()
            if shown.strip("[].") in named:
                assert parameter.type is not click.STRING, (command.name, parameter.name)


@pytest.mark.parametrize("shell", START)
def test_the_line_to_add_is_named(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    assert app.run(["shell-completion"]) == ExitCode.OK
    assert f"repocomp shell-completion {shell}" in capsys.readouterr().out
    assert app.run(["shell-completion", shell]) == ExitCode.OK
    assert "_REPOCOMP_COMPLETE" in capsys.readouterr().out


def test_an_unknown_shell_is_told_what_to_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert app.run(["shell-completion"]) == ExitCode.ERROR
    assert "hint: name one: repocomp shell-completion bash" in capsys.readouterr().err
