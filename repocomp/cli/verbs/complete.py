"""`repocomp complete`: one request from the command line, one answer on stdout."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from repocomp.cli import output
from repocomp.cli.cursor import Cursor, read
from repocomp.cli.envelope import exit_code_of, notes_on
from repocomp.cli.options import Count, Number
from repocomp.document import PositionEncoding
from repocomp.errors import ExitCode
from repocomp.request import Completion
from repocomp.serve.client import start
from repocomp.service.question import Question
from repocomp.service.service import CompletionService

EPILOG = """\b
Examples:
  repocomp complete src/app.py:42:17
  repocomp complete src/app.py:#1300 --json
  repocomp complete -:42:17 --stdin-filename src/app.py < buffer
  repocomp complete src/app.py:42:17 --retrieve always --arms structured
  repocomp complete src/app.py:42:17 --daemon always
"""


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
    help="Whether to retrieve from other files; auto lets the policy decide.",
)
@click.option("--select", type=click.Choice(["greedy", "threshold"]), help="How the policy decides.")
@click.option("--threshold", type=Number(0, 1), metavar="T", help="Retrieve above this probability.")
@click.option("--policy", metavar="PACK", help="The pack that decides.")
@click.option(
    "--generator",
    metavar="PACK|SERVER",
    help="What writes: a pack, or llamacpp:URL, openai:URL#MODEL, ollama:MODEL.",
)
@click.option("--mode", type=click.Choice(["auto", "line", "block"]), help="How much to write.")
@click.option("--arms", metavar="NAME,…", help="Ask only these retrieval strategies.")
@click.option("--max-new-tokens", type=Count(min=1), metavar="N", help="Write at most N tokens.")
@click.option("--deadline-ms", type=Number(min=0), metavar="N", help="Return what is finished after N milliseconds.")
@click.option(
    "--no-text", "record", flag_value="no-text", help="Record digests of the answer for feedback, but no text."
)
@click.option("--no-record", "record", flag_value="off", help="Record nothing for feedback.")
@click.option("--stream", is_flag=True, help="Print text as soon as it is final; with --json, as JSON Lines.")
@click.option(
    "--daemon",
    type=click.Choice(["auto", "always", "never"]),
    help="Use a running daemon (auto), start one for the next time as well (always), or use none.",
)
@click.option("--stdin-filename", metavar="FILE", help="The name of the buffer on standard input.")
@click.option(
    "--position-encoding",
    type=click.Choice([encoding.value for encoding in PositionEncoding]),
    default="utf-8",
    show_default=True,
    help="The units COL counts.",
)
@click.option(
    "--show-request", is_flag=True, help="Print what would be sent to a server, the key hidden, and send nothing."
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there is nothing to offer.")
@output.json_option
def command(
    cursor: str,
    stdin_filename: str | None,
    position_encoding: str,
    stream: bool,
    show_request: bool,
    exit_zero: bool,
    as_json: bool,
    **flags: Any,  # noqa: ANN401
) -> int:
    """Complete a file at CURSOR and print the text to insert.

    CURSOR is FILE:LINE:COL, both from 1, COL in UTF-8 bytes, the cursor standing before that byte; or FILE:#OFFSET,
    a byte from 0; or -:LINE:COL for a buffer on standard input, named by --stdin-filename.
    """
    if show_request and as_json:
        raise click.UsageError("--show-request and --json exclude each other: the request is shown as JSON anyway")
    where = Cursor.parse(cursor)
    path, data = read(where, stdin_filename)
    question = Question(path, data, where.place(PositionEncoding(position_encoding)), flags, os.environ)
    service = CompletionService()
    prepared = service.prepare(question)
    if show_request:
        return _print_request(service.rehearse(prepared))
    emit = None if not stream else _print_line if as_json else output.text
    completion = service.answer(prepared, emit)
    code = _print(completion, as_json, exit_zero, emit is not None)
    # The answer was printed and flushed: nothing that happens here can touch it.
    warning = service.record(prepared, completion)
    if warning is not None:
        output.note(f"repocomp: {warning}")
    if prepared.settings.daemon == "always":
        start()
    return code


def _print_request(rehearsed: dict[str, Any]) -> int:
    request = rehearsed["request"]
    if request is None:
        output.note(f"repocomp: nothing would be sent: {rehearsed['reason']}")
        return ExitCode.NOTHING
    output.line(f"{request['method']} {request['url']}")
    for name, value in request["headers"].items():
        output.line(f"{name}: {value}")
    output.line("")
    output.line(json.dumps(request["body"], indent=2, ensure_ascii=False))
    return ExitCode.OK


def _print_line(piece: str) -> None:
    output.json_line({"text": piece})


def _print(completion: Completion, as_json: bool, exit_zero: bool, is_out: bool) -> int:
    """Print the answer, its text only where streaming has not done so; returns the exit code."""
    data = completion.to_json()
    code = exit_code_of(data, exit_zero=exit_zero)
    if as_json:
        return output.document("complete", data, code)
    if not is_out:
        output.text(completion.text)
    for note in notes_on(data, is_terminal=sys.stderr.isatty()):
        output.note(note)
    return code
