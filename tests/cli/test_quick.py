"""The fast path understands what the command line proper understands, and leaves it everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from repocomp.cli import quick
from repocomp.cli.cursor import Cursor
from repocomp.cli.verbs.complete import command
from repocomp.errors import CursorError
from repocomp.serve import client, protocol


def test_it_knows_every_option() -> None:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    known = {*quick.SETTINGS, *quick.RECORDING, *quick.OTHERS, *quick.FLAGS, *quick.SHORT, *quick.SLOW}
    assert known == {name for option in options for name in option.opts} - {"--help", "-h"}
    kinds = {click.INT: int, click.FLOAT: float}
    for option in options:
        if option.opts[-1] in quick.SETTINGS:
            by_type = next((kind for base, kind in kinds.items() if isinstance(option.type, type(base))), str)
            assert quick.SETTINGS[option.opts[-1]] is by_type
        assert [quick.SHORT[name] for name in option.opts if name in quick.SHORT] == option.opts[1:]


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        (["a.py:1:1"], {}),
        (["a.py:1:1", "--retrieve", "never"], {"retrieve": "never"}),
        (["--max-new-tokens=12", "a.py:1:1"], {"max_new_tokens": 12}),
        (["-:1:1", "--stdin-filename", "a.py", "--no-record"], {"record": "off"}),
        (["a.py:1:1", "-n", "3", "--min-confidence=0.5"], {"candidates": 3, "min_confidence": 0.5}),
        (["a.py:1:1", "--deadline-ms", "1.5", "--no-text"], {"deadline_ms": 1.5, "record": "no-text"}),
    ],
)
def test_plain_command_lines(arguments: list[str], flags: dict[str, Any]) -> None:
    values = quick.parse(arguments)
    assert values is not None
    assert values["flags"] == flags


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["a.py:1:1", "-h"],
        ["a.py:1:1", "b.py:1:1"],
        ["a.py:1:1", "--retr", "never"],
        ["a.py:1:1", "--threshold", "high"],
        ["a.py:1:1", "--threshold"],
        ["a.py:1:1", "--json=yes"],
        ["a.py:1:1", "--nonsense"],
        ["a.py:1:1", "--show-request"],
    ],
)
def test_anything_unusual_is_left_to_the_command_line(arguments: list[str]) -> None:
    assert quick.parse(arguments) is None


@pytest.mark.parametrize(
    "text",
    ["a.py:1:2", "a.py:#12", "C:\\a.py:3:4", "a:b:1:2", "-:1:1", "a.py", "a.py:1", "a.py:x:1", ":1:1", "a.py:#", ""],
)
def test_cursors_are_those_of_the_command_line(text: str) -> None:
    place = quick.place_of(text)
    try:
        cursor = Cursor.parse(text)
    except CursorError:
        assert place is None
    else:
        assert place is not None
        assert (place["file"], place["offset"]) == (cursor.file, cursor.offset)
        assert (place["line"], place["column"]) == (cursor.line or 0, cursor.column or 0)


@pytest.mark.parametrize(
    ("arguments", "variable", "is_asked"),
    [
        ([], "auto", True),
        (["--daemon", "never"], "auto", False),
        (["--daemon=never"], "auto", False),
        ([], "never", False),
        (["--daemon", "auto"], "never", True),
        (["--help"], "auto", False),
    ],
)
def test_who_wants_no_daemon_asks_none(
    arguments: list[str], variable: str, is_asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    (tmp_path / "a.py").write_text("x = 1\n")
    monkeypatch.setenv("REPOCOMP_DAEMON", variable)
    monkeypatch.setattr(protocol, "is_private", lambda folder: True)
    monkeypatch.setattr(client, "connect", lambda: asked.append(1))
    assert quick.ask([f"{tmp_path / 'a.py'}:1:1", *arguments]) is None
    assert bool(asked) == is_asked
