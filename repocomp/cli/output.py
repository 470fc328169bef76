"""Output: results on stdout, everything else on stderr, and the JSON envelope."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repocomp.cli.envelope import envelope
from repocomp.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

_Command = TypeVar("_Command", bound=Callable[..., Any])
_color = "auto"


def use_color(choice: str) -> None:
    """Set the `--color` choice of this run."""
    global _color
    _color = choice


def color() -> bool | None:
    """Whether to colour: by choice, `NO_COLOR`, `FORCE_COLOR`; None leaves it to the terminal."""
    if _color != "auto":
        return _color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def console() -> Console:
    """A rich console on stderr."""
    from rich.console import Console

    chosen = color()
    return Console(stderr=True, force_terminal=chosen, no_color=chosen is False, highlight=False)


def table_console() -> Console:
    """A rich console on stdout, for tables that are the result."""
    from rich.console import Console

    chosen = color()
    width = None if sys.stdout.isatty() else 120
    return Console(force_terminal=chosen, no_color=chosen is False, highlight=False, width=width)


def json_option(command: _Command) -> _Command:
    """The `--json` option of every verb."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document, also on errors.")(command)


def document(verb: str, data: Any, exit_code: int = ExitCode.OK) -> int:  # noqa: ANN401  (any JSON value)
    """Print a result in the envelope; returns its exit code."""
    _print_envelope(verb, exit_code, [], data)
    return exit_code


def text(result: str) -> None:
    """Print a result as it is, no line end added, in UTF-8 whatever the locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(result.encode())
    sys.stdout.flush()


def line(result: str) -> None:
    """Print one line of a result."""
    click.echo(result)


def note(message: str) -> None:
    """Print one line for people."""
    click.echo(message, err=True, color=color())


def failure(verb: str, code: str, message: str, hint: str | None, exit_code: int, as_json: bool) -> int:
    """Print an error: what is wrong, and how to fix it; returns its exit code."""
    if as_json:
        _print_envelope(verb, exit_code, [{"code": code, "message": message, "hint": hint}], None)
        return exit_code
    note(f"{click.style('repocomp:', fg='red', bold=True)} {message}")
    if hint:
        note(f"{click.style('hint:', bold=True)} {hint}")
    return exit_code


def _print_envelope(verb: str, exit_code: int, errors: list[dict[str, Any]], data: Any) -> None:  # noqa: ANN401
    text(json.dumps(envelope(verb, exit_code, data, errors), ensure_ascii=False) + "\n")
