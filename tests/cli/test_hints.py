"""Every command that a message or a hint names is one that can be typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click

import repocomp
from repocomp.cli.app import cli

_COMMAND = re.compile(r"\brepocomp ((?:[a-z][a-z-]*|--?[a-z][a-z-]*)(?: (?:[a-z][a-z-]*|--?[a-z][a-z-]*))*)")
PROSE = frozenset("again asked from never prints speaks was".split())
"""What follows the name where it is the subject of a sentence."""


def said() -> Iterator[tuple[str, str]]:
    """(place, text) of every string in the package that could be printed; docstrings of modules are for readers."""
    for path in sorted(Path(repocomp.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                yield f"{path.name}:{node.lineno}", node.value


def wrong(words: list[str]) -> str | None:
    """The first word that is no subcommand or option where it stands; None where all are."""
    command: click.Command = cli
    for word in words:
        context = click.Context(command)
        options = {name for option in command.get_params(context) for name in option.opts + option.secondary_opts}
        if word.startswith("-"):
            if word not in options:
                return word
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            if found is None:
                return word
            command = found
    return None


def test_every_command_that_is_named_exists() -> None:
    found = []
    for place, text in said():
        for match in _COMMAND.finditer(text):
            words = match[1].split()
            if words[0] not in PROSE and (word := wrong(words)) is not None:
                found.append(f"{place}: {match[0]} ({word})")
    assert found == []
