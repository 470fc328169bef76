"""`repocomp config`: every setting, and where its value comes from."""

from __future__ import annotations

from pathlib import Path

import click

from repocomp.cli import output
from repocomp.config import load_with_origin, user_file
from repocomp.git import work_tree

EPILOG = """\b
Examples:
  repocomp config
  REPOCOMP_RETRIEVE=never repocomp config --json
"""


@click.command(epilog=EPILOG)
@output.json_option
def command(as_json: bool) -> int:
    """Show every setting with its value, and whether a flag, a variable, a file or the default gave it."""
    values = load_with_origin(work_tree(Path.cwd()), {})
    if as_json:
        rows = {name: {"value": value, "origin": origin} for name, (value, origin) in values.items()}
        return output.document("config", {"file": str(user_file()), "settings": rows})
    for name, (value, origin) in values.items():
        output.line(f"{name:<16}{'-' if value is None else value!s:<12}{origin}")
    return 0
