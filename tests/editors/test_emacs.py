"""The package in the real Emacs, in a terminal: what is typed, seen, taken, turned down, and said of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repocomp.editors.install import EDITORS, install
from tests.conftest import Repository
from tests.editors.editor import Editor, Offer, offering
from tests.editors.terminal import terminal, until
from tests.serve.daemon import ROOT
from tests.serve.lsp.test_lsp import said as recorded

pytestmark = [pytest.mark.editors, pytest.mark.skipif(shutil.which("emacs") is None, reason="no emacs")]

HERE = Path(__file__).parent
TAB, DISMISS, WORD = "\t", "\x07", "\x1b[1;5C"


@contextmanager
def editing(name: str, file: Path, folder: Path, server: list[str], *settings: str) -> Iterator[Editor]:
    install(EDITORS[name], folder / "lisp")
    init = folder / "init.el"
    command = " ".join(json.dumps(word, ensure_ascii=False) for word in server)
    lines = [
        "(setq make-backup-files nil auto-save-default nil create-lockfiles nil inhibit-startup-screen t)",
        "(setq vc-handled-backends nil)",
        f'(add-to-list \'load-path "{folder / "lisp"}")',
        "(require 'repocomp)",
        f"(setq repocomp-command '({command}) repocomp-delay 0.02)",
        "(add-hook 'prog-mode-hook #'repocomp-mode)",
        *settings,
        f'(load "{HERE / "probe.el"}")',
    ]
    init.write_text("\n".join(lines) + "\n")
    variables = {"PROBE": str(folder / "probe"), "PYTHONPATH": str(ROOT)}
    program = ["emacs", "-nw", "-Q", "--load", str(init), str(file)]
    with terminal(program, file.parent, variables) as opened:
        editor = Editor(opened, folder)
        until(lambda: editor.state.get("status") == " repocomp" and "lines" in editor.state, lambda: editor.state)
        until(
            lambda: bool(editor.state["lines"][0]) or not file.exists() or not file.read_bytes(), lambda: editor.state
        )
        yield editor


@pytest.fixture
def offer(tmp_path: Path) -> Offer:
    return offering(tmp_path, editing)


def words(editor: Editor) -> list[str]:
    return [command for command, _, _ in editor.notes("said")]


def test_ghost_text_is_seen_typed_on_accepted_and_told(offer: Offer) -> None:
    with offer("emacs", "lpha)", "x = 1\n") as editor:
        editor.type("f(a")
        editor.see(lines=["f(ax = 1", ""], ghost=["lpha)"], column=4)
        assert editor.notes("asked")[-1] == ["f(ax = 1\n", 3]
        asked = len(editor.notes("asked"))
        editor.type("lp")
        editor.see(lines=["f(alpx = 1", ""], ghost=["ha)"])
        editor.type(TAB)
        editor.see(lines=["f(alpha)x = 1", ""], ghost=[], column=9)
        until(lambda: words(editor)[:2] == ["shown", "accept"], lambda: editor.notes("said"))
        assert editor.notes("asked")[:asked] == editor.notes("asked")[: asked + 1][:asked]


def test_a_word_is_accepted_and_the_rest_stays(offer: Offer) -> None:
    with offer("emacs", "one two\n    three", "") as editor:
        editor.type("x")
        editor.see(ghost=["one two", "    three"])
        editor.type(WORD)
        editor.see(lines=["xone"], ghost=[" two", "    three"], column=5)
        editor.type(WORD)
        editor.see(lines=["xone two"], column=9)
        editor.type(WORD)
        editor.see(lines=["xone two", "    three"], line=2, column=10)
        until(lambda: len(words(editor)) > 3, lambda: editor.notes("said"))
        assert [said[::2] for said in editor.notes("said")[:4]] == [
            ["shown", None],
            ["acceptPart", "one"],
            ["acceptPart", "one two"],
            ["accept", None],
        ]


def test_it_is_turned_down_and_not_shown_there_again(offer: Offer) -> None:
    with offer("emacs", "lpha)", "") as editor:
        editor.type("a")
        editor.see(ghost=["lpha)"])
        editor.type(DISMISS)
        editor.see(ghost=[], lines=["a"])
        until(lambda: words(editor) == ["shown", "reject"], lambda: editor.notes("said"))
        editor.type("b")
        editor.see(lines=["ab"], ghost=["lpha)"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["\t", "    "])
def test_indentation_of_several_lines_is_exact(offer: Offer, indent: str, end: str) -> None:
    text = f"):\n{indent}{indent}if x:\n{indent}{indent}{indent}return 1\n\n{indent}def g():"
    source = f"f(\n{indent}# end\n"
    habit = "nil" if indent == "\t" else "t"
    with offer("emacs", text, source.replace("\n", end), f"(setq-default indent-tabs-mode {habit})") as editor:
        editor.type("\x05 ")
        editor.see(ghost=text.split("\n"))
        editor.type(TAB)
        expected = source.replace("f(", "f( " + text)
        editor.see(lines=expected.split("\n"), line=5)
        editor.type("\x18\x13")
        file = next((editor.folder / "work").iterdir())
        until(lambda: file.read_bytes() == expected.replace("\n", end).encode(), file.read_bytes)
        assert editor.notes("asked")[0][0] == source.replace("f(", "f( ").replace("\n", end)


def test_a_server_that_cannot_be_started_is_told_once(tmp_path: Path) -> None:
    with editing("emacs", tmp_path / "a.py", tmp_path, ["/nowhere/repocomp", "lsp"]) as editor:
        editor.type("abc")
        editor.see(lines=["abc"], status=" repocomp!")
        assert editor.state["messages"].count("repocomp: ") == 1


def test_the_real_server_completes_and_records(repository: Repository, tmp_path: Path) -> None:
    root = repository({"a.py": "def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    retur"})
    with editing("emacs", root / "a.py", tmp_path, [sys.executable, "-m", "repocomp", "lsp"]) as editor:
        editor.type("\x1b>")
        editor.type("n")
        editor.see(ghost=[" alpha"])
        editor.type(TAB)
        until(lambda: editor.state["lines"][5] == "    return alpha", lambda: editor.state)
        until(lambda: (False, ["shown", "accepted"]) in recorded(root), lambda: recorded(root))
    assert os.path.exists(root / "a.py")
