"""Man pages: a table is one, row by row, and every page is one that groff takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest

from repocomp.cli import roff
from repocomp.cli.app import cli
from repocomp.cli.pages import pages
from tests.serve.daemon import ROOT


def commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(ROOT)
    return {path: text for path, text in pages().items() if path.startswith("man/")}


def test_rows_of_a_table_are_paragraphs_of_their_own() -> None:
    lines = list(
        roff.paragraphs(
            "Running\ntext.\n\n\b\na, b      one\nlong_name of three\n          words  apart\nc         two\n"
        )
    )
    assert lines == [
        *(".PP", "Running text."),
        *(".TP", "\\fBa, b\\fR", "one"),
        *(".TP", "\\fBlong_name of three\\fR", "words  apart"),
        *(".TP", "\\fBc\\fR", "two"),
    ]


def test_every_table_of_a_help_text_is_one_in_its_page(made: dict[str, str]) -> None:
    text = "\n".join(made.values())
    tables = 0
    for command in commands(cli):
        for paragraph in re.split(r"\n\s*\n", command.help or ""):
            if paragraph.startswith("\b"):
                tables += 1
                names = [line.partition("  ")[0] for line in paragraph.split("\n")[1:] if line[:1] not in ("", " ")]
                assert len(names) > 1
                for name in names:
                    assert f".TP\n\\fB{roff.escape(name)}\\fR\n" in text
    assert tables


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_has_nothing_to_warn_of(made: dict[str, str]) -> None:
    for path, text in made.items():
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z"], input=text.encode(), capture_output=True)
        assert (path, done.stderr) == (path, b"")
