"""Generated files: man pages and shell completions from the command tree, formats from schemas, the map from the rooms.

`python -m repocomp.cli.pages [--check]` writes `man/`, `completions/` and the map of CONTRIBUTING.md in the working
directory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from repocomp import __version__
from repocomp.cli import roff
from repocomp.cli.app import VERBS, cli
from repocomp.cli.cluster_page import cluster_page
from repocomp.cli.formats import format_pages
from repocomp.cli.house import with_map
from repocomp.cli.verbs.shell_completion import script

_EXIT_STATUS = (
    ("0", "Done."),
    ("1", "Nothing to offer; --json says why."),
    ("2", "An error, of usage too; the message says how to fix it."),
    ("3", "A bug in repocomp; a crash log was written."),
    ("130", "Interrupted."),
)
_ENVIRONMENT = (
    ("REPOCOMP_*", "Any setting, as in REPOCOMP_RETRIEVE=never; see repocomp config."),
    ("NO_COLOR, FORCE_COLOR", "Switch colour off or on."),
    (
        "XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME",
        "Where indexes, settings, feedback and crash logs lie.",
    ),
)
_FILES = (
    ("$XDG_CACHE_HOME/repocomp/", "Indexes, one per work tree; can be removed at any time."),
    ("$XDG_DATA_HOME/repocomp/", "Feedback and what was learned, one folder per repository; cannot be rebuilt."),
    (
        "$XDG_RUNTIME_DIR/repocomp/",
        "The daemon's socket; without that variable, in a folder in /tmp that belongs to the user.",
    ),
    ("$XDG_CONFIG_HOME/repocomp/config.toml", "The user's settings."),
    (".repocomp.toml", "A repository's settings: only mode and max_new_tokens."),
    ("$XDG_CONFIG_HOME/repocomp/ignore", "What to leave out of every index, or with `!` bring back; gitignore syntax."),
    (".repocompignore", "What to leave out of this repository's index, in gitignore syntax."),
)
_SHELLS = {"bash": "repocomp.bash", "zsh": "_repocomp", "fish": "repocomp.fish"}


def pages() -> dict[str, str]:
    """Every generated file by its path."""
    files = {"man/man1/repocomp.1": _page(cli, "repocomp"), **format_pages()}
    files["man/man7/repocomp-cluster.7"] = cluster_page()
    context = click.Context(cli, info_name="repocomp")
    for verb in VERBS:
        command = cli.get_command(context, verb)
        if command is not None:
            files[f"man/man1/repocomp-{verb}.1"] = _page(command, f"repocomp {verb}")
    for shell, name in _SHELLS.items():
        files[f"completions/{name}"] = script(shell)
    guide = Path("CONTRIBUTING.md")
    return {**files, guide.name: with_map(guide.read_text(encoding="utf-8"))}


def _page(command: click.Command, name: str) -> str:
    title = name.replace(" ", "-")
    summary = VERBS.get(name.removeprefix("repocomp "), command.help or "")
    lines = [
        *roff.header(title, 1, __version__, summary.splitlines()[0].rstrip(".")),
        ".SH SYNOPSIS",
        f".B {roff.escape(name)}",
        roff.escape(" ".join(command.collect_usage_pieces(_context(command)))),
        ".SH DESCRIPTION",
        *roff.paragraphs(command.help or summary),
        *_options(command),
        *_commands(command, name),
        *roff.section("EXIT STATUS", _EXIT_STATUS),
        *roff.section("ENVIRONMENT", _ENVIRONMENT),
        *roff.section("FILES", _FILES),
        *_examples(command),
        *roff.see_also(_others(title)),
    ]
    return "\n".join(lines) + "\n"


def _options(command: click.Command) -> Iterator[str]:
    return roff.section("OPTIONS", _option_rows(command))


def _option_rows(command: click.Command) -> list[tuple[str, str]]:
    context = _context(command)
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    return [(head, " ".join(text.split())) for head, text in records]


def _commands(command: click.Command, name: str) -> Iterator[str]:
    """The verbs by their lines; the commands of a verb in full, since they have no page of their own."""
    if command is cli:
        yield from roff.section("COMMANDS", VERBS.items())
    elif isinstance(command, click.Group):
        context = _context(command)
        yield ".SH COMMANDS"
        for own in command.list_commands(context):
            sub = command.get_command(context, own)
            if sub is not None:
                usage = " ".join(sub.collect_usage_pieces(_context(sub)))
                yield f".SS {roff.escape(f'{name} {own} {usage}')}"
                yield from roff.paragraphs(sub.help or "")
                yield from roff.tagged(_option_rows(sub))


def _context(command: click.Command) -> click.Context:
    """As the group makes it. Click keeps the help option of the first context a command ever had."""
    return click.Context(command, info_name=command.name, help_option_names=["-h", "--help"])


def _examples(command: click.Command) -> Iterator[str]:
    lines = (command.epilog or "").replace("\b", "").strip().split("\n")[1:]
    if lines:
        yield ".SH EXAMPLES"
        yield from roff.verbatim(line.strip() for line in lines)


def _others(title: str) -> Iterator[tuple[str, str]]:
    names = ["repocomp", *(f"repocomp-{verb}" for verb in VERBS)]
    yield from ((name, "1") for name in names if name != title)
    yield from (("repocomp-json", "5"), ("repocomp-pack", "5"), ("repocomp-protocol", "7"), ("repocomp-cluster", "7"))


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say whether they are current."""
    stale = 0
    for name, text in pages().items():
        path = Path(name)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        click.echo(f"{name}: {'stale' if '--check' in arguments else 'written'}", err=True)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
