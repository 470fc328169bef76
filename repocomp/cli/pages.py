"""Man pages and shell completions, made from the command tree: the tree is the only source of help.

`python -m repocomp.cli.pages [--check]` writes `man/` and `completions/` in the working directory.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from repocomp import __version__
from repocomp.cli.app import VERBS, cli

_EXIT_STATUS = (
    ("0", "Done."),
    ("1", "Nothing to offer; --json says why."),
    ("2", "An error, of usage too; the message says what mends it."),
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
    ("$XDG_CACHE_HOME/repocomp/", "Indexes, one a work tree; can be removed at any time."),
    ("$XDG_DATA_HOME/repocomp/", "Feedback, one database a repository; precious."),
    (
        "$XDG_RUNTIME_DIR/repocomp/",
        "The daemon's socket; without that variable in a folder of the user's own in /tmp.",
    ),
    ("$XDG_CONFIG_HOME/repocomp/config.toml", "The user's settings."),
    (".repocomp.toml", "A repository's settings: mode and max_new_tokens alone."),
    ("$XDG_CONFIG_HOME/repocomp/ignore", "What to leave out of every index, or with `!` bring back; gitignore syntax."),
    (".repocompignore", "What to leave out of this repository's index, in gitignore syntax."),
)
_SHELLS = {"bash": "repocomp.bash", "zsh": "_repocomp", "fish": "repocomp.fish"}


def pages() -> dict[str, str]:
    """Every generated file by its path."""
    files = {"man/repocomp.1": _page(cli, "repocomp")}
    context = click.Context(cli, info_name="repocomp")
    for verb in VERBS:
        command = cli.get_command(context, verb)
        if command is not None:
            files[f"man/repocomp-{verb}.1"] = _page(command, f"repocomp {verb}")
    for shell, name in _SHELLS.items():
        maker = get_completion_class(shell)
        if maker is not None:
            files[f"completions/{name}"] = maker(cli, {}, "repocomp", "_REPOCOMP_COMPLETE").source()
    return files


def _page(command: click.Command, name: str) -> str:
    title = name.replace(" ", "-")
    summary = VERBS.get(name.removeprefix("repocomp "), command.help or "")
    lines = [
        f'.TH "{title.upper()}" "1" "" "repocomp {__version__}" "User Commands"',
        ".SH NAME",
        f"{_roff(title)} \\- {_roff(summary.splitlines()[0].rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_roff(name)}",
        _roff(" ".join(command.collect_usage_pieces(_context(command)))),
        ".SH DESCRIPTION",
        *_paragraphs(command.help or summary),
        *_options(command),
        *_commands(command, name),
        *_section("EXIT STATUS", _EXIT_STATUS),
        *_section("ENVIRONMENT", _ENVIRONMENT),
        *_section("FILES", _FILES),
        *_examples(command),
        ".SH SEE ALSO",
        ", ".join(f"\\fB{_roff(page)}\\fR(1)" for page in _others(title)),
    ]
    return "\n".join(lines) + "\n"


def _options(command: click.Command) -> Iterator[str]:
    return _section("OPTIONS", _option_rows(command))


def _option_rows(command: click.Command) -> list[tuple[str, str]]:
    context = _context(command)
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    return [(head, " ".join(text.split())) for head, text in records]


def _commands(command: click.Command, name: str) -> Iterator[str]:
    """The verbs by their lines; the commands of a verb in full, since they have no page of their own."""
    if command is cli:
        yield from _section("COMMANDS", list(VERBS.items()))
    elif isinstance(command, click.Group):
        context = _context(command)
        yield ".SH COMMANDS"
        for own in command.list_commands(context):
            sub = command.get_command(context, own)
            if sub is not None:
                usage = " ".join(sub.collect_usage_pieces(_context(sub)))
                yield from (f".SS {_roff(f'{name} {own} {usage}')}", *_paragraphs(sub.help or ""))
                yield from _rows(_option_rows(sub))


def _context(command: click.Command) -> click.Context:
    """As the group makes it. Click keeps the help option of the first context a command ever had."""
    return click.Context(command, info_name=command.name, help_option_names=["-h", "--help"])


def _section(title: str, rows: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        yield f".SH {title}"
        yield from _rows(rows)


def _rows(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for head, text in rows:
        yield from (".TP", f"\\fB{_roff(head)}\\fR", _roff(text))


def _examples(command: click.Command) -> Iterator[str]:
    lines = (command.epilog or "").replace("\b", "").strip().split("\n")[1:]
    if lines:
        yield from (".SH EXAMPLES", ".nf", *(_roff(line.strip()) for line in lines), ".fi")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.replace("\b", "").strip()):
        yield from (".PP", _roff(" ".join(paragraph.split())))


def _others(title: str) -> list[str]:
    names = ["repocomp", *(f"repocomp-{verb}" for verb in VERBS)]
    return [name for name in names if name != title]


def _roff(text: str) -> str:
    """Escape what roff would read as its own: backslashes, hyphens, and a control character at a line's start."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


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
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
