"""`repocomp config`: every setting and where its value comes from; and changes of the user's own file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from repocomp.cli import output
from repocomp.cli.words import SETTING
from repocomp.config import check_name, checked, load_with_origin, user_file, variable_of
from repocomp.errors import ExitCode
from repocomp.git import work_tree

EPILOG = """\b
Examples:
  repocomp config
  repocomp config get mode
  repocomp config set max_new_tokens 48
  repocomp config unset max_new_tokens
  REPOCOMP_RETRIEVE=never repocomp config --json
"""


_name = click.argument("name", type=SETTING, metavar="NAME")


@click.group(epilog=EPILOG, invoke_without_command=True)
@output.json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """Show every setting with its value, and whether a variable, a file or the default gave it.

    Flags win over REPOCOMP_* variables, these over the repository's .repocomp.toml (mode and max_new_tokens alone),
    that over the user's file, which `set` and `unset` change.
    """
    if context.invoked_subcommand is not None:
        return ExitCode.OK
    values = load_with_origin(work_tree(Path.cwd()), {})
    if as_json:
        rows = {name: {"value": value, "origin": origin} for name, (value, origin) in values.items()}
        return output.document("config", {"file": str(user_file()), "settings": rows})
    output.columns((name, "-" if value is None else value, origin) for name, (value, origin) in values.items())
    output.line(f"file: {user_file()}{'' if user_file().exists() else ' (not there yet)'}")
    return ExitCode.OK


@command.command()
@_name
@output.json_option
def get(name: str, as_json: bool) -> int:
    """Print the value of one setting in force here; nothing where it has none."""
    check_name(name, "config get")
    value, origin = load_with_origin(work_tree(Path.cwd()), {})[name]
    if as_json:
        return _document(name, value, origin)
    output.line("" if value is None else str(value))
    return ExitCode.OK


@command.command("set", context_settings={"ignore_unknown_options": True})
@_name
@click.argument("value", metavar="VALUE")
@output.json_option
def set_(name: str, value: str, as_json: bool) -> int:
    """Give a setting a value in the user's file; comments and everything else in it stay."""
    from repocomp.cli.settings_file import set_user_settings

    check_name(name, "config set")
    return _changed(name, set_user_settings({name: checked(name, value, "config set")}), as_json)


@command.command()
@_name
@output.json_option
def unset(name: str, as_json: bool) -> int:
    """Remove a setting from the user's file, so that it has its default again."""
    from repocomp.cli.settings_file import unset_user_setting

    file, is_removed = unset_user_setting(name)
    if not is_removed:
        check_name(name, "config unset")
    return _changed(name, file, as_json)


def _changed(name: str, file: Path, as_json: bool) -> int:
    """Say what is in force now, since something else may win over the file."""
    value, origin = load_with_origin(work_tree(Path.cwd()), {}).get(name, (None, "default"))
    if as_json:
        return _document(name, value, origin)
    shown = "-" if value is None else value
    output.note(
        f"{name} = {shown} ({file})" if origin in (str(file), str(user_file())) else f"{name} = {shown} ({origin})"
    )
    if os.environ.get(variable_of(name)):
        output.note(f"the environment wins over the file; to let the file decide: unset {variable_of(name)}")
    return ExitCode.OK


def _document(name: str, value: Any, origin: str) -> int:  # noqa: ANN401  (a setting's)
    return output.document("config", {"file": str(user_file()), "settings": {name: {"value": value, "origin": origin}}})
