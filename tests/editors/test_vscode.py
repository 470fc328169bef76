"""The extension in the real VS Code, in a real browser: what is typed, seen, taken, turned down, and said of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Repository
from tests.editors.editor import Editor, Offer, offering
from tests.editors.terminal import until
from tests.editors.window import NATIVE_WORD, Program, missing, program
from tests.serve.lsp.test_lsp import said as recorded

pytestmark = [pytest.mark.editors, pytest.mark.skipif(bool(missing()), reason=missing())]

TAB, ESC, WORD, SAVE, END = "\t", "\x1b", "\x1b[1;5C", "\x13", "\x05"


@pytest.fixture(scope="module")
def vscode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with program(tmp_path_factory.mktemp("vscode")) as running:
        yield running


@pytest.fixture
def offer(tmp_path: Path, vscode: Program) -> Offer:
    """A window whose server offers a text; further settings are JSON."""

    @contextmanager
    def editing(name: str, file: Path, folder: Path, server: list[str], *settings: str) -> Iterator[Editor]:
        further: dict[str, Any] = {}
        for text in settings:
            further |= json.loads(text)
        with vscode.window(file, folder, {"repocomp.command": server, **further}) as window:
            until(lambda: bool(window.notes("began")), lambda: window.state)
            yield window

    return offering(tmp_path, editing)


def words(editor: Editor) -> list[list[Any]]:
    return [[command, text] for command, _, text in editor.notes("said")]


def say(editor: Editor, *wanted: list[Any]) -> None:
    until(lambda: words(editor) == list(wanted), lambda: (wanted, words(editor), editor.state))


def test_ghost_text_is_seen_typed_on_accepted_and_told(offer: Offer) -> None:
    with offer("vscode", "lpha = 1", "x = 1\n") as editor:
        editor.type("y a")
        editor.see(lines=["y ax = 1", ""], ghost=["lpha = 1"], column=4, status="repocomp")
        assert editor.notes("asked")[-1] == ["y ax = 1\n", 3]
        asked, said = len(editor.notes("asked")), editor.notes("said")
        editor.type("lp")
        editor.see(lines=["y alpx = 1", ""], ghost=["ha = 1"])
        assert len(editor.notes("asked")) == asked
        editor.type(TAB)
        editor.see(lines=["y alpha = 1x = 1", ""], column=12)
        # Then another one is offered, behind it.
        until(lambda: len(editor.notes("said")) == len(said) + 2, lambda: editor.notes("said"))
        assert editor.notes("said")[len(said)] == ["accept", said[-1][1], None]


def test_a_word_is_accepted_and_the_rest_stays(offer: Offer) -> None:
    with offer("vscode", "one(two\n    three", "") as editor:
        editor.type("x")
        editor.see(ghost=["one(two", "    three"])
        editor.type(WORD)
        editor.see(lines=["xone"], ghost=["(two", "    three"], column=5)
        editor.type(WORD)
        editor.see(lines=["xone("], ghost=["two", "    three"], column=6)
        editor.type(WORD)
        editor.see(lines=["xone(two"], column=9)
        asked = len(editor.notes("asked"))
        assert asked == 1
        until(lambda: len(words(editor)) == 4, lambda: words(editor))
        parts = ["one", "one(", "one(two"]
        assert words(editor) == [["shown", None], *(["acceptPart", part] for part in parts)]
        assert len({name for _, name, _ in editor.notes("said")}) == 1


def test_a_word_that_the_editors_own_command_accepts_is_told(offer: Offer) -> None:
    """As the toolbar above the ghost text does, or a key of one's own."""
    with offer("vscode", "one two", "") as editor:
        editor.type("x")
        editor.see(ghost=["one two"])
        editor.terminal.page.keyboard.press(NATIVE_WORD)
        editor.see(lines=["xone"], ghost=[" two"])
        say(editor, ["shown", None], ["acceptPart", "one"])


def test_escape_turns_it_down_once_and_the_next_key_asks_again(offer: Offer) -> None:
    with offer("vscode", "lpha = 1", "") as editor:
        editor.type("a")
        editor.see(ghost=["lpha = 1"])
        editor.type(ESC)
        editor.see(ghost=[], lines=["a"])
        say(editor, ["shown", None], ["reject", None])
        editor.type(ESC)
        editor.type("b")
        editor.see(lines=["ab"], ghost=["lpha = 1"])
        say(editor, ["shown", None], ["reject", None], ["shown", None])


def test_it_goes_on_with_what_the_menu_has_selected(offer: Offer) -> None:
    with offer("vscode", " = 2", "\nalphabet = 1\n") as editor:
        editor.type("al")
        editor.terminal.page.wait_for_timeout(1000)
        # Newer versions don't open it by themselves where ghost text is shown.
        if not editor.terminal.page.locator(".suggest-widget.visible").count():
            editor.terminal.page.keyboard.press("Control+Space")
        editor.terminal.page.wait_for_selector(".suggest-widget.visible .monaco-list-row.focused")
        editor.see(lines=["al", "alphabet = 1", ""], ghost=["phabet = 2"])
        assert editor.notes("asked")[-1] == ["alphabet\nalphabet = 1\n", 8]
        asked, shown = len(editor.notes("asked")), words(editor)
        editor.type("p")
        editor.see(lines=["alp", "alphabet = 1", ""], ghost=["habet = 2"])
        assert len(editor.notes("asked")) == asked
        editor.type(WORD)
        editor.see(lines=["alphabet", "alphabet = 1", ""], ghost=[" = 2"])
        editor.type(TAB)
        editor.see(lines=["alphabet = 2", "alphabet = 1", ""])
        until(lambda: len(words(editor)) > len(shown) + 1, lambda: words(editor))
        (part, text), accepted = words(editor)[len(shown) :][:2]
        # It may have been offered one key earlier already.
        assert (part, text in ("lphabet", "phabet"), accepted) == ("acceptPart", True, ["accept", None])


def test_it_is_turned_off_for_a_language(offer: Offer) -> None:
    with offer("vscode", "lpha", "", '{"[python]": {"repocomp.enable": false}}') as editor:
        editor.see(status="repocomp off")
        editor.type("abc")
        editor.see(lines=["abc"], ghost=[])
        assert not editor.notes("asked")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["\t", "    "])
def test_indentation_of_several_lines_is_exact(offer: Offer, indent: str, end: str) -> None:
    text = f"):\n{indent}{indent}if x:\n{indent}{indent}{indent}return 1\n\n{indent}def g():"
    source = f"class C:\n{indent}def f(\n{indent}# end\n"
    # The editor's own habit is the other one.
    habit = {
        "editor.detectIndentation": False,
        "editor.insertSpaces": indent == "\t",
        "editor.tabSize": 3,
        "editor.autoIndent": "full",
    }
    with offer("vscode", text, source.replace("\n", end), json.dumps(habit)) as editor:
        editor.terminal.page.keyboard.press("ArrowDown")
        editor.type(END)
        editor.type(" ")
        editor.see(ghost=[line.replace("\t", " " * 3) for line in text.split("\n")])
        asked = editor.notes("asked")[0][0]
        editor.type(TAB)
        expected = source.replace("f(", "f( " + text)
        editor.see(line=6)
        editor.type(SAVE)
        file = next((editor.folder / "work").iterdir())
        until(lambda: file.read_bytes() == expected.replace("\n", end).encode(), file.read_bytes)
        assert asked == source.replace("f(", "f( ").replace("\n", end)


def test_a_server_that_cannot_be_started_is_told_once(vscode: Program, tmp_path: Path) -> None:
    file = tmp_path / "work" / "a.py"
    file.parent.mkdir()
    file.write_text("x\n")
    with vscode.window(file, tmp_path, {"repocomp.command": ["/nowhere/repocomp", "lsp"]}) as editor:
        editor.type("abc")
        editor.see(lines=["abcx", ""])
        until(lambda: bool(editor.state["messages"]), lambda: editor.state)
        assert [text for text in editor.state["messages"] if "repocomp" in text] == [
            "repocomp: cannot start /nowhere/repocomp: spawn /nowhere/repocomp ENOENT"
        ]


def test_the_real_server_completes_and_records(repository: Repository, tmp_path: Path, vscode: Program) -> None:
    root = repository({"a.py": "def f(alpha):\n    return alpha\n\n\ndef f(alpha):\n    retur"})
    # code-server was started before this test had a home of its own.
    names = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
    server = ["env", *(f"{name}={os.environ[name]}" for name in names), sys.executable, "-m", "repocomp", "lsp"]
    with vscode.window(root / "a.py", tmp_path, {"repocomp.command": server, "repocomp.minConfidence": 0}) as editor:
        editor.terminal.page.keyboard.press("Control+End")
        editor.type("n")
        editor.see(ghost=[" alpha"], status="repocomp")
        editor.type(TAB)
        until(lambda: editor.state["lines"][5] == "    return alpha", lambda: editor.state)
        until(lambda: (False, ["shown", "accepted"]) in recorded(root), lambda: recorded(root))
    assert os.path.exists(root / "a.py")
