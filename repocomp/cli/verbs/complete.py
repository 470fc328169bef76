"""`repocomp complete`: one request from the command line, one answer on stdout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import click

from repocomp.cli import output
from repocomp.cli.cursor import Cursor, read
from repocomp.cli.options import Count, Number
from repocomp.cli.roots import root_of
from repocomp.config import Settings, load_settings
from repocomp.document import Document, PositionEncoding
from repocomp.errors import ExitCode
from repocomp.request import Completion, CompletionRequest
from repocomp.serve.client import start

EPILOG = """\b
Examples:
  repocomp complete src/app.py:42:17
  repocomp complete src/app.py:#1300 --json
  repocomp complete -:42:17 --stdin-filename src/app.py < buffer
  repocomp complete src/app.py:42:17 --retrieve always --arms structured
  repocomp complete src/app.py:42:17 --daemon always
"""


Emit = Callable[[str], None]


class Host(Protocol):
    """What answers a request: this process, or the daemon that runs this command for another."""

    def complete(self, request: CompletionRequest, settings: Settings, emit: Emit | None) -> Completion:
        """Answer one request, `emit` given the text as it settles. Raises RepocompError."""

    def after_reply(self, action: Callable[[], None]) -> None:
        """Do `action` once the answer is out: nobody waits for it."""


class Here:
    """What answers without a daemon: opens what it needs, closes it again."""

    def complete(self, request: CompletionRequest, settings: Settings, emit: Emit | None) -> Completion:
        """Answer one request, `emit` given the text as it settles. Raises RepocompError."""
        from repocomp.complete.parts import open_parts
        from repocomp.complete.pipeline import complete

        with open_parts(request.root, settings.policy, settings.generator) as parts:
            completion = complete(request, parts, emit)
        if settings.daemon == "always":
            self.after_reply(start)
        return completion

    def after_reply(self, action: Callable[[], None]) -> None:
        """Do `action` when the command has printed everything."""
        click.get_current_context().call_on_close(action)


class CursorCommand(click.Command):
    """A command whose argument may begin with `-:`, which looks like an option and is none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put cursors on standard input where options have ended."""
        cursors = [word for word in args if word.startswith("-:")]
        others = [word for word in args if not word.startswith("-:")]
        return super().parse_args(ctx, [*others, "--", *cursors] if cursors else args)


@click.command(cls=CursorCommand, epilog=EPILOG)
@click.argument("cursor")
@click.option(
    "--retrieve",
    type=click.Choice(["auto", "always", "never"]),
    help="Fetch cross-file context, or let the policy decide.",
)
@click.option("--select", type=click.Choice(["greedy", "threshold"]), help="How the policy decides.")
@click.option("--threshold", type=Number(0, 1), metavar="T", help="Retrieve above this probability.")
@click.option("--policy", metavar="PACK", help="The pack that decides.")
@click.option("--generator", metavar="PACK", help="The pack that writes.")
@click.option("--mode", type=click.Choice(["auto", "line", "block"]), help="How much to write.")
@click.option("--arms", metavar="NAME,…", help="Ask only these retrieval strategies.")
@click.option("--max-new-tokens", type=Count(min=1), metavar="N", help="Write at most this much.")
@click.option("--deadline-ms", type=Number(min=0), metavar="N", help="Return what is finished by then.")
@click.option("--no-text", "record", flag_value="no-text", help="Keep digests of the answer for feedback, no text.")
@click.option("--no-record", "record", flag_value="off", help="Keep nothing of the answer for feedback.")
@click.option("--stream", is_flag=True, help="Print text as soon as it is settled; with --json, JSON Lines.")
@click.option(
    "--daemon",
    type=click.Choice(["auto", "always", "never"]),
    help="Ask a daemon that is there (auto), also start one for the next time, or neither.",
)
@click.option("--stdin-filename", metavar="FILE", help="The name of the buffer on standard input.")
@click.option(
    "--position-encoding",
    type=click.Choice([encoding.value for encoding in PositionEncoding]),
    default="utf-8",
    show_default=True,
    help="The units COL counts.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 also when there is nothing to offer.")
@output.json_option
def command(
    cursor: str,
    stdin_filename: str | None,
    position_encoding: str,
    stream: bool,
    exit_zero: bool,
    as_json: bool,
    **flags: Any,  # noqa: ANN401
) -> int:
    """Complete a file at CURSOR and print the text to insert.

    CURSOR is FILE:LINE:COL, both from 1, COL in UTF-8 bytes, the cursor standing before that byte; or FILE:#OFFSET,
    a byte from 0; or -:LINE:COL for a buffer on standard input, named by --stdin-filename.
    """
    where = Cursor.parse(cursor)
    path, data = read(where, stdin_filename)
    root = root_of(path)
    settings = load_settings(root, flags)
    document = Document.from_bytes(str(path), data)
    position = where.position(document, PositionEncoding(position_encoding))
    request = CompletionRequest(
        document=replace(document, path=_shown_path(path, root)),
        cursor=position,
        root=root,
        retrieve=settings.retrieve,
        select=settings.select,
        threshold=settings.threshold,
        mode=settings.mode,
        max_new_tokens=settings.max_new_tokens,
        deadline_ms=settings.deadline_ms,
        arms=settings.arm_names,
    )
    host: Host = click.get_current_context().obj or Here()
    emit = None if not stream else _print_line if as_json else output.text
    completion = host.complete(request, settings, emit)
    code = _print(completion, as_json, exit_zero, emit is not None)
    host.after_reply(lambda: _record(completion, request, settings, path))
    return code


def _record(completion: Completion, request: CompletionRequest, settings: Settings, path: Path) -> None:
    """Remember the answer for feedback. It was printed and flushed: nothing that happens here can touch it."""
    if settings.record == "off":
        return
    from repocomp.feedback.record import record

    warning = record(completion, request, settings, path.resolve().parent)
    if warning is not None:
        output.note(f"repocomp: {warning}")


def _shown_path(path: Path, root: Path | None) -> str:
    """The path as index and model know it: relative to the root, "/" separated."""
    absolute = path.resolve()
    inside = root is not None and absolute.is_relative_to(root)
    return absolute.relative_to(root).as_posix() if inside and root is not None else path.name


def _print_line(piece: str) -> None:
    output.json_line({"text": piece})


def _print(completion: Completion, as_json: bool, exit_zero: bool, is_out: bool) -> int:
    """Print the answer, its text only where streaming has not done so; returns the exit code."""
    code = ExitCode.OK if completion.text or exit_zero else ExitCode.NOTHING
    if as_json:
        return output.document("complete", completion.to_json(), code)
    if not is_out:
        output.text(completion.text)
    for warning in completion.warnings:
        output.note(f"repocomp: {warning}")
    if completion.reason:
        output.note(f"repocomp: nothing to offer: {completion.reason}")
    elif output.console().is_terminal:
        output.note(_summary(completion))
    return code


def _summary(completion: Completion) -> str:
    retrieval, ms = completion.retrieval, completion.timings_ms.total
    said = "" if retrieval.probability is None else f" (p = {retrieval.probability:.2f})"
    return f"\nretrieval {retrieval.decision}{said}: {retrieval.reason}; {ms:.0f} ms"
