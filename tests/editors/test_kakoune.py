"""The script in the real Kakoune, with the real command and daemon: what is seen, taken, turned down, and recorded."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from repocomp.editors.install import EDITORS, install
from tests.conftest import Repository
from tests.editors.terminal import Terminal, terminal, until
from tests.serve.daemon import ROOT, repocomp
from tests.serve.lsp.test_lsp import said as recorded

pytestmark = [pytest.mark.editors, pytest.mark.skipif(shutil.which("kak") is None, reason="no kak")]

SOURCE = "def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    retur\n"
ESC, WORD = "\x1b", "\x1bw"
REAL = f'PYTHONPATH={ROOT} exec {sys.executable} -m repocomp "$@"'


def offering(text: str) -> str:
    """A command that offers a text everywhere, and notes what it is told in a file beside itself."""
    return f"""if [ "$1" = complete ]; then cat >/dev/null; printf '%s' {shlex.quote(text)}
else shift; echo "${{*%% --json}}" >>"$(dirname "$0")/told"; echo '{{"id": "c_1"}}'; fi"""


class Kakoune:
    """A session that runs, asked through its own socket."""

    def __init__(self, opened: Terminal, folder: Path) -> None:
        self.terminal, self._folder = opened, folder
        self._session = folder.name

    def text(self) -> str:
        """What the buffer holds."""
        return self.ask("%val{selection}", "execute-keys <percent>;")

    def has(self, text: str) -> bool:
        """Whether the buffer holds that."""
        return self.text() == text

    def ask(self, what: str, first: str = "") -> str:
        """An expansion, as the client sees it."""
        answer = self._folder / "said"
        answer.unlink(missing_ok=True)
        command = (
            f"try %{{ evaluate-commands -client client0 -draft %{{ {first} echo -to-file {answer}.new -- {what} }} }}"
        )
        command += f"\nnop %sh{{ mv {answer}.new {answer} }}"
        subprocess.run(["kak", "-p", self._session], input=command.encode(), check=False, capture_output=True)
        for _ in range(50):
            if answer.exists():
                return answer.read_text()
            time.sleep(0.02)
        return ""

    def see(self, what: str, wanted: str) -> None:
        until(lambda: wanted in self.ask(what), lambda: (wanted, self.ask(what), bytes(self.terminal.output[-400:])))


@pytest.fixture
def editing(repository: Repository, tmp_path: Path) -> Iterator[tuple[Kakoune, Path]]:
    root = repository({"a.py": SOURCE})
    with opened(root, tmp_path) as kakoune:
        yield kakoune, root
    repocomp("serve", "--stop", cwd=root)


@contextmanager
def opened(root: Path, folder: Path, command: str = REAL) -> Iterator[Kakoune]:
    install(EDITORS["kakoune"], folder / "kak" / "repocomp")
    script = folder / "command"
    script.write_text(f"#!/bin/sh\n{command}\n")
    script.chmod(0o700)
    (folder / "kak" / "kakrc").write_text(
        f'source "%val{{config}}/repocomp/repocomp.kak"\nset-option global repocomp_command {script}\n'
        "hook global WinCreate .* repocomp-enable\nset-option global startup_info_version 99999999\n"
    )
    Path(os.environ["XDG_RUNTIME_DIR"]).mkdir(mode=0o700, exist_ok=True)
    variables = {"KAKOUNE_CONFIG_DIR": str(folder / "kak")}
    with terminal(["kak", "-s", folder.name, "a.py"], root, variables) as started:
        kakoune = Kakoune(started, folder)
        kakoune.see("%val{bufname}", "a.py")
        yield kakoune
        subprocess.run(["kak", "-p", folder.name], input=b"kill!", check=False, capture_output=True)


def test_ghost_text_is_seen_accepted_and_told(editing: tuple[Kakoune, Path]) -> None:
    kakoune, root = editing
    kakoune.terminal.type("geglAn")
    kakoune.see("%opt{repocomp_ghost}", "+0|{RepocompGhost} alpha")
    kakoune.see("%opt{repocomp_id}", "c_")
    kakoune.terminal.type("\t")
    kakoune.see("%opt{repocomp_text}", "")
    kakoune.terminal.type(ESC)
    # A key right behind Escape is one with Alt.
    time.sleep(0.5)
    kakoune.terminal.type(":w\r")
    until(lambda: (root / "a.py").read_text() == SOURCE.replace("retur\n", "return alpha\n"), (root / "a.py").read_text)
    until(lambda: (False, ["shown", "accepted"]) in recorded(root), lambda: recorded(root))


def test_a_word_is_accepted_and_the_rest_stays(repository: Repository, tmp_path: Path) -> None:
    root = repository({"a.py": "x\n"})
    with opened(root, tmp_path, offering("(é b\n    c")) as kakoune:
        kakoune.terminal.type("A=")
        kakoune.see("%opt{repocomp_ghost}", "(é b ⏎ +1")
        kakoune.see("%opt{repocomp_id}", "c_1")
        for text, rest in (("x=(", "é b ⏎ +1"), ("x=(é", " b ⏎ +1"), ("x=(é b", " ⏎ +1")):
            kakoune.terminal.type(WORD)
            until(partial(kakoune.has, f"{text}\n"), kakoune.text)
            kakoune.see("%opt{repocomp_ghost}", f"{{RepocompGhost}}{rest}")
        kakoune.terminal.type(WORD)
        until(partial(kakoune.has, "x=(é b\n    c\n"), kakoune.text)
        parts = ["(", "(é", "(é b"]
        wanted = ["shown last", *(f"partial c_1 --text={part}" for part in parts), "accept c_1"]
        told = tmp_path / "told"
        # Several processes write it, in no order.
        until(lambda: sorted(told.read_text().splitlines()) == sorted(wanted), lambda: (wanted, told.read_text()))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["\t", "    "])
def test_indentation_of_several_lines_is_exact(repository: Repository, tmp_path: Path, indent: str, end: str) -> None:
    text = f"):\n{indent}{indent}if x:\n{indent}{indent}{indent}return 1\n\n{indent}def g():".replace("\n", end)
    source = f"class C:\n{indent}def f(\n{indent}# end\n".replace("\n", end)
    root = repository({})
    root.joinpath("a.py").write_bytes(source.encode())
    with opened(root, tmp_path, offering(text)) as kakoune:
        kakoune.terminal.type("jA ")
        kakoune.see("%opt{repocomp_ghost}", "): ⏎ +4")
        kakoune.terminal.type("\t")
        kakoune.see("%opt{repocomp_text}", "")
        kakoune.terminal.type(ESC)
        time.sleep(0.5)
        kakoune.terminal.type(":w\r")
        expected = source.replace("f(", "f( " + text).encode()
        until(lambda: (root / "a.py").read_bytes() == expected, (root / "a.py").read_bytes)


def test_escape_turns_it_down(editing: tuple[Kakoune, Path]) -> None:
    kakoune, root = editing
    kakoune.terminal.type("geglAn")
    kakoune.see("%opt{repocomp_id}", "c_")
    kakoune.terminal.type(ESC)
    until(lambda: (False, ["shown", "rejected"]) in recorded(root), lambda: recorded(root))
    kakoune.see("%opt{repocomp_text}", "")
    assert os.path.exists(root)
