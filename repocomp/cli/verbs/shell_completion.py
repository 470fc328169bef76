"""`repocomp shell-completion`: what bash, zsh or fish need to complete the command line after TAB."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from repocomp.cli import output
from repocomp.errors import RepocompError

EPILOG = """\b
Examples:
  repocomp shell-completion
  eval "$(repocomp shell-completion bash)"
  repocomp shell-completion fish > ~/.config/fish/completions/repocomp.fish
"""

SHELLS = ("bash", "zsh", "fish")
_LINES = {
    "bash": ("~/.bashrc", 'eval "$(repocomp shell-completion bash)"'),
    "zsh": ("~/.zshrc", 'autoload -Uz compinit && compinit; eval "$(repocomp shell-completion zsh)"'),
    "fish": ("~/.config/fish/config.fish", "repocomp shell-completion fish | source"),
}
"""The file that each reads at its start, and the line to add to it."""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@output.json_option
def command(shell: str | None, as_json: bool) -> int:
    """Print the script that makes SHELL complete commands, options, files and packs after TAB.

    Without SHELL: the line to add to the start-up file of the shell in use, and where the man pages lie. An
    installation for the whole system needs neither, since shells and man look there by themselves.
    """
    name = shell or _shell_in_use()
    file, line = _LINES[name]
    pages = Path(sys.prefix) / "share" / "man"
    manuals = str(pages) if (pages / "man1" / "repocomp.1").exists() else None
    if as_json:
        data = {"shell": name, "script": script(name), "file": file, "line": line, "man": manuals}
        return output.document("shell-completion", data)
    if shell is not None:
        output.line(script(name))
        return 0
    output.line(f"# add this line to {file}")
    output.line(line)
    if manuals is not None:
        output.line(f"# man pages are found where {Path(sys.prefix) / 'bin'} is on the PATH; else add this line too")
        output.line(f'set -gx MANPATH {manuals} ""' if name == "fish" else f'export MANPATH="{manuals}:${{MANPATH-}}"')
    return 0


def script(shell: str) -> str:
    """The script for one of `SHELLS`."""
    from click.shell_completion import get_completion_class

    from repocomp.cli.app import cli

    maker = get_completion_class(shell)
    if maker is None:
        raise RepocompError(f"no script for {shell}", "pip install --upgrade click")
    return maker(cli, {}, "repocomp", "_REPOCOMP_COMPLETE").source()


def _shell_in_use() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise RepocompError("SHELL names none that is known", f"name one: repocomp shell-completion {SHELLS[0]}")
    return name
