"""The command group, and the one boundary where errors become messages and exit codes.

Verbs are loaded when they are named: `repocomp --help` imports none of them, and no verb imports what it does not use.
"""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from repocomp import __version__, directories
from repocomp.cli import output
from repocomp.errors import ExitCode, RepocompError, did_you_mean
from repocomp.serve.protocol import PREFIX

VERBS = {
    "index": "Index a work tree, or bring its index up to date.",
    "complete": "Complete a file at a cursor.",
    "explain": "Show how a completion came about.",
    "feedback": "Report what became of completions, and look at the history.",
    "serve": "Run the daemon, which keeps models and indexes in memory.",
    "lsp": "Serve an editor by the language server protocol.",
    "editor": "Install the plugin of an editor.",
    "learn": "Adapt retrieval to this repository; show, undo or freeze what was learned.",
    "fleet": "Learn from many repositories together, as a pack that a team shares.",
    "hooks": "Let git hooks keep the index up to date and measure what persists.",
    "bench": "Measure completion with and without retrieval on this repository.",
    "model": "List model packs, add models of others, say which completes.",
    "config": "Show every setting and where its value comes from.",
    "shell-completion": "Print what makes a shell complete this command line.",
    "check-ignore": "Explain why a path is or is not indexed.",
    "doctor": "Check this installation and name how to fix it.",
    "train": "Train, tune and export a model pack.",
}
"""Every verb with its one line of help; `check-ignore` lives in the module `check_ignore`."""
WITHOUT_JSON = frozenset({"lsp"})
"""The verbs whose standard output is a protocol of its own; all others have `--json`."""

EPILOG = """\b
Examples:
  repocomp index
  repocomp complete src/app.py:42:17
  repocomp complete -:42:17 --stdin-filename src/app.py < buffer
  repocomp complete --json src/app.py:#1300
"""

_REMEDIES = {
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ENOSPC: "free some space on that disk",
    errno.EROFS: "name a place that can be written",
    errno.EACCES: "check the permissions of that file, or of the folder it is in",
    errno.EPERM: "check the permissions of that file, or of the folder it is in",
    errno.EMFILE: "close files, or raise the limit: ulimit -n",
}
"""What helps against what the system refuses; `repocomp doctor` looks at the rest."""


class LazyGroup(click.Group):
    """A group whose commands are modules of `repocomp.cli.verbs`, imported when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the help page."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb's module."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"repocomp.cli.verbs.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first of `args` names. One that there is not is answered with the likeliest that is."""
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            raise click.UsageError(f"No such command {name!r}.{did_you_mean(name, VERBS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def _use_color(ctx: click.Context, _: click.Parameter, choice: str) -> None:
    output.use_color(choice)
    ctx.color = output.color()


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Local, private code completion that knows the repository.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    is_eager=True,
    expose_value=False,
    callback=_use_color,
    help="When to use colour; auto follows NO_COLOR, FORCE_COLOR and the terminal.",
)
def cli() -> None:
    """Do nothing but hold the verbs."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code. Prints every error, raises none."""
    _hold_descriptors()
    try:
        _warn_of_variables()
        done = cli.main(list(arguments), prog_name="repocomp", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return int(done or ExitCode.OK)
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        return failed(arguments, error)


def failed(arguments: Sequence[str], error: BaseException) -> int:
    """Print the `error` that ended a command line, and return the exit code. To be called where it is handled."""
    as_json = "--json" in arguments
    verb = _verb(arguments)
    match error:
        case RepocompError():
            return output.failure(verb, error.code, error.message, error.hint, error.exit_code, as_json)
        case click.ClickException():
            return _misused(verb, error, as_json)
        case KeyboardInterrupt() | click.Abort():
            return output.failure(verb, "interrupted", "interrupted", None, ExitCode.INTERRUPTED, as_json)
        case BrokenPipeError() | SystemExit():
            # The reader has what it wanted; click turns the broken pipe into an exit, its only one in this mode.
            output.abandon_stdout()
            return ExitCode.OK
        case OSError():
            return output.failure(verb, "system", _refusal(error), _remedy(error), ExitCode.ERROR, as_json)
    # The boundary: anything that comes here is a bug of ours.
    path = _write_crash_log(arguments)
    message = f"a bug in repocomp; the details are in {path}" if path else "a bug in repocomp"
    return output.failure(verb, "bug", message, "report it with that file", ExitCode.BUG, as_json)


def _misused(verb: str, error: click.ClickException, as_json: bool) -> int:
    if not as_json and (shown := _help_of(error)):
        output.note(shown)
        return ExitCode.ERROR
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path if context is not None else 'repocomp'} --help"
    return output.failure(verb, "usage", error.format_message(), hint, ExitCode.ERROR, as_json)


def _help_of(error: click.ClickException) -> str | None:
    """The help page of a group that was called without a command: newer versions of click raise it as an error."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ != "NoArgsIsHelpError" or context is None:
        return None
    return str(context.get_help())


def _verb(arguments: Sequence[str]) -> str:
    """The verb that a command line names; nothing where it names none that there is."""
    words = iter(arguments)
    for word in words:
        if word == "--color":
            next(words, None)
        elif not word.startswith("-"):
            return word if word in VERBS else ""
    return ""


def _warn_of_variables() -> None:
    """Name variables that look like settings and are none, once."""
    if any(name.startswith(PREFIX) for name in os.environ):
        from repocomp.config import names, unknown_variables, variable_of

        for variable in unknown_variables(os.environ):
            likeliest = did_you_mean(variable, map(variable_of, names()))
            output.note(f"repocomp: {variable} sets nothing: there is no such setting.{likeliest}")


def _hold_descriptors() -> None:
    """Put the null device where a standard stream is closed: else the next file opened gets its number and its text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _refusal(error: OSError) -> str:
    """What the system refused, and for which file."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {reason}" if isinstance(error.filename, str | bytes) else reason


def _remedy(error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and not _has_folder():
        return "the folder this was called in is gone: cd to another one"
    return _REMEDIES.get(error.errno or 0, "repocomp doctor")


def _has_folder() -> bool:
    try:
        return bool(os.getcwd())
    except OSError:
        return False


def _write_crash_log(arguments: Sequence[str]) -> Path | None:
    """Write what happened where this user alone may read it, without secrets and without source text."""
    from tempfile import mkstemp

    from repocomp.secrets.redaction import legible, redact

    folder = directories.state()
    head = f"repocomp {__version__}\nPython {sys.version}\n{sys.platform}\narguments: {_without_text(arguments)!r}\n\n"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        # Two may crash within one second, and one process twice.
        descriptor, path = mkstemp(".log", f"crash-{time.strftime('%Y%m%dT%H%M%S')}-", folder)
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(legible(redact(head + traceback.format_exc())))
    except OSError:
        return None
    return Path(path)


def _without_text(arguments: Sequence[str]) -> list[str]:
    """The arguments, without what is source text (the value of `--text`) or says where a server is."""
    pairs = zip(["", *arguments], arguments, strict=False)
    hidden = [f"({len(word)} characters)" if before == "--text" else word for before, word in pairs]
    told = ["--text=(…)" if word.startswith("--text=") else word for word in hidden]
    return [f"{before}://(…)" if mark else before for before, mark, _ in (word.partition("://") for word in told)]
