"""The plugins in the real Vim and Neovim: what is typed, seen, taken, turned down, and said of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Repository
from tests.editors.editor import Editor, Offer, offering
from tests.editors.terminal import terminal, until
from tests.serve.daemon import ROOT
from tests.serve.lsp.test_lsp import said as recorded

HERE = Path(__file__).parent
NVIM = os.environ.get("NVIM", "nvim")
EDITORS = [
    pytest.param(
        name, marks=[pytest.mark.editors, pytest.mark.skipif(shutil.which(program) is None, reason=f"no {program}")]
    )
    for name, program in (("vim", "vim"), ("neovim", NVIM))
]
TAB, ESC, WORD = "\t", "\x1b", "\x1b[1;5C"


@contextmanager
def editing(name: str, file: Path, folder: Path, server: list[str], *settings: str) -> Iterator[Editor]:
    """An editor with the plugin as `repocomp editor` installs it, and a file."""
    plugins = folder / "pack"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    install = [sys.executable, "-m", "repocomp", "editor", name, "--install", "--to", str(plugins)]
    subprocess.run(install, check=True, env=environment, cwd=ROOT, capture_output=True)
    init = folder / "init.vim"
    lines = [
        # Looking for a Python that Neovim could use takes seconds.
        "let g:loaded_python3_provider = 0",
        "set nocompatible nomore shortmess+=IAF noswapfile ttimeoutlen=10 autoindent smartindent",
        "filetype plugin indent on",
        f"let g:repocomp_command = {json.dumps(server)}",
        "let g:repocomp_debounce_ms = 20",
        f"set runtimepath^={plugins}",
        *settings,
        f"autocmd VimEnter * source {HERE / 'probe.vim'}",
    ]
    init.write_text("\n".join(lines) + "\n")
    flags = ["-u", str(init), "-i", "NONE", "-n"]
    program = [NVIM, *flags] if name == "neovim" else ["vim", "-N", *flags]
    variables = {"PROBE": str(folder / "probe"), "PYTHONPATH": str(ROOT)}
    with terminal([*program, str(file)], file.parent, variables) as opened:
        editor = Editor(opened, folder)
        editor.see(mode="n")
        yield editor


@pytest.fixture
def offer(tmp_path: Path) -> Offer:
    """An editor whose server offers a text."""
    return offering(tmp_path, editing)


@pytest.mark.parametrize("name", EDITORS)
def test_ghost_text_is_seen_accepted_and_told(offer: Offer, name: str) -> None:
    with offer(name, "lpha)", "x = 1\n") as editor:
        editor.type("o")
        editor.type("f(a")
        editor.see(lines=["x = 1", "f(a"], ghost=["lpha)"], column=4, mode="i")
        until(lambda: bool(editor.notes("said")), lambda: editor.state)
        assert editor.notes("asked")[-1] == ["x = 1\nf(a\n", 9]
        editor.type(TAB)
        editor.see(lines=["x = 1", "f(alpha)"], line=2, column=9, mode="i")
        shown = editor.notes("said")[0][1]
        until(lambda: len(editor.notes("said")) > 1, lambda: editor.state)
        assert editor.notes("said")[:2] == [["shown", shown, None], ["accept", shown, None]]


@pytest.mark.parametrize("name", EDITORS)
def test_a_word_is_accepted_and_the_rest_stays(offer: Offer, name: str) -> None:
    with offer(name, "one two\n    three", "") as editor:
        editor.type("ix")
        editor.see(ghost=["one two", "    three"])
        until(lambda: bool(editor.notes("said")), lambda: editor.state)
        (shown,) = {name for _, name, _ in editor.notes("said")}
        editor.type(WORD)
        editor.see(lines=["xone"], ghost=[" two", "    three"], column=5)
        editor.type(WORD)
        editor.see(lines=["xone two"], column=9)
        editor.type(WORD)
        editor.see(lines=["xone two", "    three"], line=2, column=10, mode="i")
        until(lambda: len(editor.notes("said")) > 3, lambda: editor.notes("said"))
        said = editor.notes("said")
        parts = [["acceptPart", shown, "one"], ["acceptPart", shown, "one two"]]
        assert said[:4] == [["shown", shown, None], *parts, ["accept", shown, None]]


@pytest.mark.parametrize("name", EDITORS)
def test_what_is_typed_of_it_stays_shown_and_is_not_asked_again(offer: Offer, name: str) -> None:
    with offer(name, "lpha)", "") as editor:
        editor.type("ia")
        editor.see(ghost=["lpha)"])
        asked = len(editor.notes("asked"))
        editor.type("lp")
        editor.see(lines=["alp"], ghost=["ha)"])
        assert len(editor.notes("asked")) == asked
        editor.type("x")
        editor.see(lines=["alpx"], ghost=["lpha)"])
        assert len(editor.notes("asked")) == asked + 1


@pytest.mark.parametrize("name", EDITORS)
def test_escape_turns_it_down_and_a_key_dismisses_it(offer: Offer, name: str) -> None:
    with offer(name, "lpha)", "") as editor:
        editor.type("ia")
        editor.see(ghost=["lpha)"])
        editor.type("\x1d")
        editor.see(ghost=[], mode="i", lines=["a"])
        until(lambda: bool(editor.notes("said")), lambda: editor.state)
        first = editor.notes("said")[0][1]
        editor.say(["shown", first, None], ["reject", first, None])
        editor.type("b")
        editor.see(ghost=["lpha)"])
        editor.type(ESC)
        editor.see(ghost=[], mode="n", lines=["ab"])
        until(lambda: len(editor.notes("said")) > 2, lambda: editor.state)
        second = editor.notes("said")[2][1]
        assert second != first
        editor.say(
            *(["shown", first, None], ["reject", first, None], ["shown", second, None], ["reject", second, None])
        )


@pytest.mark.parametrize("name", EDITORS)
def test_without_ghost_text_the_keys_do_what_they_did(offer: Offer, name: str) -> None:
    with offer(name, "", "", "autocmd FileType * setlocal noexpandtab") as editor:
        editor.type("ia")
        until(lambda: bool(editor.notes("asked")), lambda: editor.state)
        editor.type(TAB + "b")
        editor.see(lines=["a\tb"])


@pytest.mark.parametrize("name", EDITORS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["\t", "    "])
def test_indentation_of_several_lines_is_exact(offer: Offer, name: str, indent: str, end: str) -> None:
    text = f"):\n{indent}{indent}if x:\n{indent}{indent}{indent}return 1\n\n{indent}def g():"
    source = f"class C:\n{indent}def f(\n{indent}# end\n"
    # The editor's own habit is the other one.
    habit = "expandtab" if indent == "\t" else "noexpandtab"
    setting = f"autocmd FileType * setlocal {habit} shiftwidth=3 tabstop=3"
    with offer(name, text, source.replace("\n", end), setting) as editor:
        editor.type("jA ")
        editor.see(ghost=[line.replace("\t", " " * 3) for line in text.split("\n")])
        editor.type(TAB)
        expected = source.replace("f(", "f( " + text)
        editor.see(lines=expected.splitlines(), line=6, mode="i")
        editor.type(ESC + ":w\r")
        file = next((editor.folder / "work").iterdir())
        until(lambda: file.read_bytes() == expected.replace("\n", end).encode(), file.read_bytes)
        assert editor.notes("asked")[0][0] == source.replace("f(", "f( ").replace("\n", end)


@pytest.mark.parametrize("name", EDITORS)
def test_a_server_that_cannot_be_started_is_told_once(tmp_path: Path, name: str) -> None:
    file = tmp_path / "a.py"
    with editing(name, file, tmp_path, ["/nowhere/repocomp", "lsp"]) as editor:
        editor.type("iabc")
        editor.see(lines=["abc"], status="repocomp !")
        assert editor.state["messages"].count("repocomp: ") == 1


@pytest.mark.parametrize("name", EDITORS)
def test_the_real_server_completes_and_records(repository: Repository, tmp_path: Path, name: str) -> None:
    root = repository({"a.py": "def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    retur\n"})
    server = [sys.executable, "-m", "repocomp", "lsp"]
    with editing(name, root / "a.py", tmp_path, server) as editor:
        editor.type("GAn")
        editor.see(ghost=[" alpha"], status="")
        editor.type(TAB)
        editor.see(lines=["def f(alpha):", "    return alpha", "", "", "def f(alpha):", "    return alpha"])
        until(lambda: any("accepted" in words for _, words in recorded(root)), lambda: recorded(root))
    assert (False, ["shown", "accepted"]) in recorded(root)
