"""`repocomp complete`: one request from the command line, one answer on stdout."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from repocomp.cli import output
from repocomp.cli.cursor import Cursor, read
from repocomp.cli.envelope import exit_code_of, notes_on, told
from repocomp.cli.options import Count, Number
from repocomp.cli.words import ARMS, CURSOR, FILE_NAME, PACK
from repocomp.document import Document, PositionEncoding
from repocomp.errors import ExitCode
from repocomp.serve.client import start
from repocomp.service.question import Question

if TYPE_CHECKING:
    from repocomp.request import Completion

EPILOG = """\b
Examples:
  repocomp complete src/app.py:42:17
  repocomp complete src/app.py:#1300 --json
  repocomp complete src/app.py:42:17 -n 3 --json
  repocomp complete src/app.py:42:17 --min-confidence 0
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
@click.argument("cursor", type=CURSOR)
@click.option(
    "--retrieve",
    type=click.Choice(["auto", "always", "never"]),
    help="Whether to retrieve from other files; auto lets the policy decide.",
)
@click.option("--select", type=click.Choice(["greedy", "threshold"]), help="How the policy decides.")
@click.option("--threshold", type=Number(0, 1), metavar="T", help="Retrieve above this probability.")
@click.option(
    "--min-confidence",
    type=Number(0, 1),
    metavar="P",
    help="Withhold an answer that a person would keep with less than this probability; 0 withholds none.",
)
@click.option(
    "-n", "--candidates", type=Count(min=1, max=20), metavar="N", help="Write up to N different answers, surest first."
)
@click.option("--policy", type=PACK, metavar="PACK", help="The pack that decides.")
@click.option(
    "--generator",
    type=PACK,
    metavar="PACK|SERVER",
    help="What writes: a pack, or llamacpp:URL, openai:URL#MODEL, ollama:MODEL.",
)
@click.option("--mode", type=click.Choice(["auto", "line", "block"]), help="How much to write.")
@click.option("--arms", type=ARMS, metavar="NAME,…", help="Ask only these retrieval strategies.")
@click.option("--max-new-tokens", type=Count(min=1), metavar="N", help="Write at most N tokens.")
@click.option("--deadline-ms", type=Number(min=0), metavar="N", help="Return what is finished after N milliseconds.")
@click.option(
    "--no-text", "record", flag_value="no-text", help="Record digests of the answer for feedback, but no text."
)
@click.option("--no-record", "record", flag_value="off", help="Record nothing for feedback.")
@click.option("--prefetch", is_flag=True, help="It is asked ahead: not shown until `feedback shown` says so.")
@click.option("--stream", is_flag=True, help="Print text as soon as it is final; with --json, as JSON Lines.")
@click.option(
    "--daemon",
    type=click.Choice(["auto", "always", "never"]),
    help="Use a running daemon and start one at the second request within minutes (auto), or at once (always); or use"
    " none (never).",
)
@click.option("--stdin-filename", type=FILE_NAME, metavar="FILE", help="The name of the buffer on standard input.")
@click.option(
    "--position-encoding",
    type=click.Choice([encoding.value for encoding in PositionEncoding]),
    default="utf-8",
    show_default=True,
    help="The units COL counts.",
)
@click.option("--explain", is_flag=True, help="With --json, add what was withheld and what the confidence rests on.")
@click.option(
    "--show-request", is_flag=True, help="Print what would be sent to a server, the key hidden, and send nothing."
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there is nothing to offer.")
@click.option(
    "--verbose",
    is_flag=True,
    help="Say on standard error whether it retrieved and why, also where that is no terminal.",
)
@output.json_option
def command(
    cursor: str,
    stdin_filename: str | None,
    position_encoding: str,
    prefetch: bool,
    stream: bool,
    explain: bool,
    show_request: bool,
    exit_zero: bool,
    verbose: bool,
    as_json: bool,
    **flags: Any,  # noqa: ANN401
) -> int:
    """Complete a file at CURSOR and print the text to insert.

    CURSOR is FILE:LINE:COL, both from 1, COL in UTF-8 bytes, the cursor standing before that byte; or FILE:#OFFSET,
    a byte from 0; or -:LINE:COL for a buffer on standard input, named by --stdin-filename.

    What is not likely to be kept is withheld, with exit status 1 and the reason "quiet": nothing is better than a wrong
    suggestion in an editor. On a terminal and with --stream every answer is shown, unless --min-confidence says else.
    """
    if show_request and as_json:
        raise click.UsageError("--show-request and --json exclude each other: the request is shown as JSON anyway")
    where = Cursor.parse(cursor)
    path, data = read(where, stdin_filename)
    is_shared = output.is_terminal(sys.stdout)
    place = where.place(PositionEncoding(position_encoding))
    question = Question(path, data, place, flags, os.environ, is_awaited=stream or is_shared)
    # A mistake is told before that is imported which only an answer needs.
    question.place.position(Document.from_bytes(str(path), data))
    from repocomp.serve import autostart
    from repocomp.service.service import CompletionService

    service = CompletionService()
    prepared = service.prepare(question)
    if show_request:
        return _print_request(service.rehearse(prepared))
    emit = None if not stream else _print_line if as_json else output.text
    completion = service.answer(prepared, emit)
    code = exit_code_of(completion.to_json(), exit_zero=exit_zero)
    if as_json:
        output.document("complete", told(completion.to_json(), is_explained=explain), code)
    else:
        _print(completion, is_out=emit is not None, is_shared=is_shared, is_verbose=verbose)
    # The answer was printed and flushed: nothing that happens here can touch it.
    warning = service.record(prepared, completion, shown=not prefetch)
    if warning is not None:
        output.note(f"repocomp: {warning}")
    if prepared.settings.daemon == "always":
        start()
    elif prepared.settings.daemon == "auto" and autostart.start_if_due():
        output.note(autostart.STARTED)
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


def _print(completion: Completion, *, is_out: bool, is_shared: bool, is_verbose: bool) -> None:
    """Print the answer, its text only where streaming has not done so."""
    if not is_out:
        output.text(completion.text)
    is_terminal = output.is_terminal(sys.stderr)
    for note in notes_on(completion.to_json(), is_terminal=is_terminal, is_shared=is_shared, is_verbose=is_verbose):
        output.note(note)
