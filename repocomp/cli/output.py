"""What leaves the program: results on stdout, everything else on stderr, and the JSON envelope.

What a terminal would obey (escapes, other controls, signs that turn the direction of text) is made visible wherever a
person reads it; programs that read a pipe get every byte as it is. JSON holds no such character, and no `NaN`.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from repocomp.cli.envelope import envelope
from repocomp.errors import ExitCode, OutputError

if TYPE_CHECKING:
    from rich.console import Console

_Command = TypeVar("_Command", bound=Callable[..., Any])
_color = "auto"
_HIDDEN = "\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufdd0-\ufdef\ufeff\ufff9-\uffff\ud800-\udfff"
"""What turns or hides text, is no character, or a control that JSON does not escape by itself."""
_OBEYED = f"[\x00-\x08\x0b\x0c\x0e-\x1f{_HIDDEN}]|\r(?!\n)"
"""The same with all controls but tab, line feed and the carriage return before one."""
_NOT_PLAIN = f"[{_HIDDEN}]"
_LONGEST_MESSAGE = 2_000


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


def visible(text: str) -> str:
    r"""`text` with what a terminal would obey written out: `\x1b`, `\u202e`; bytes that are no UTF-8 as `\xff`."""
    # Compiled when it is needed: it costs a start half a millisecond.
    is_plain = text.isascii() and text.replace("\n", "").isprintable()
    return text if is_plain else re.sub(_OBEYED, _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that stood in a file name or an argument
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def console() -> Console:
    """A rich console on stderr."""
    chosen = color()
    return _console(stderr=True, force_terminal=chosen, no_color=chosen is False, highlight=False)


def table_console() -> Console:
    """A rich console on stdout, for tables that are the result."""
    chosen = color()
    width = None if is_terminal(sys.stdout) else 120
    return _console(force_terminal=chosen, no_color=chosen is False, highlight=False, width=width)


def _console(**options: Any) -> Console:  # noqa: ANN401  (rich's own)
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class Visible(Console):
        """A console whose own escapes are the only ones."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else visible(text), style, control)

    return Visible(**options)


def json_option(command: _Command) -> _Command:
    """The `--json` option of every verb."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document, also on errors.")(command)


def document(verb: str, data: Any, exit_code: int = ExitCode.OK) -> int:  # noqa: ANN401  (any JSON value)
    """Print a result in the envelope; returns its exit code."""
    _print_envelope(verb, exit_code, [], data)
    return exit_code


def json_line(value: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Print one JSON value as a line that any parser reads: no `NaN`, no lone surrogate, no control character."""
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        encoded = json.dumps(_finite(value), ensure_ascii=False)
    _write(re.sub(_NOT_PLAIN, _json_escape, encoded) + "\n")


def _json_escape(match: re.Match[str]) -> str:
    """Half a character, a byte that was no UTF-8, becomes U+FFFD: many parsers refuse it."""
    code = ord(match[0])
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at `stream`."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def text(result: str) -> None:
    """Print a result as it is, no line end added, in UTF-8 whatever the locale."""
    _write(visible(result) if is_terminal(sys.stdout) else result)


def line(result: str) -> None:
    """Print one line of a result."""
    text(result + "\n")


def columns(rows: Iterable[Sequence[object]]) -> None:
    """Print rows of a result, a line each, in columns that are as wide as their longest cell."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1 else str(value)


def file(path: Path, result: str) -> None:
    """Write a result to a file that the user named. Raises OutputError; a pipe that nobody reads is not waited for."""
    try:
        with open(path, "w", encoding="utf-8", errors="replace", opener=_open_at_once) as stream:
            if hasattr(os, "set_blocking"):
                os.set_blocking(stream.fileno(), True)
            stream.write(result)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}", "name a file that can be written") from None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def note(message: str) -> None:
    """Print one line for people. Where nobody can read it, it is lost."""
    try:
        click.echo(visible(message), err=True)
    except (OSError, ValueError, AttributeError):
        # Closed, full or gone; what could be said of it would go the same way.
        return


def failure(verb: str, code: str, message: str, hint: str | None, exit_code: int, as_json: bool) -> int:
    """Print an error: what is wrong, and how to fix it; returns its exit code."""
    message = message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
    if as_json:
        try:
            _print_envelope(verb, exit_code, [{"code": code, "message": message, "hint": hint}], None)
            return exit_code
        except (OutputError, BrokenPipeError):
            abandon_stdout()
    _titled("repocomp:", message, fg="red")
    if hint:
        _titled("hint:", hint)
    return exit_code


def abandon_stdout() -> None:
    """Let what stdout still holds go nowhere: Python would try once more at exit, and complain."""
    if sys.stdout is not None:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)


def _titled(title: str, message: str, **style: Any) -> None:  # noqa: ANN401  (click's own)
    """One line for people: control characters and line ends of `message` are written out."""
    shown = visible(message).replace("\n", "\\n").replace("\t", "\\t")
    try:
        click.echo(f"{click.style(title, bold=True, **style)} {shown}", err=True, color=color())
    except (OSError, ValueError, AttributeError):
        return


def _write(result: str) -> None:
    """Write to stdout. Raises OutputError where that cannot be done, BrokenPipeError where its reader has left."""
    stream = sys.stdout
    try:
        encoded = result.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        encoded = result.encode(errors="replace")
    if stream is None:
        raise OutputError("standard output is closed", "redirect it to a file, or to /dev/null")
    try:
        stream.flush()
        stream.buffer.write(encoded)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"standard output: {error.strerror}", "free space, or write elsewhere") from None


def _finite(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """`value` with null for what is no number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _print_envelope(verb: str, exit_code: int, errors: list[dict[str, Any]], data: Any) -> None:  # noqa: ANN401
    json_line(envelope(verb, exit_code, data, errors))


def verdicts(by_question: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What the gate of learning says, a line for each question."""
    for name, one in by_question.items():
        says = "better beyond chance" if one["is_above"] else "not shown to be better"
        yield (
            f"{name:<10} {says}: {one['mean']:+.4f} a place, at least {one['lower']:+.4f} (95 %, at any time),"
            f" n = {one['n']}, capital {one['capital']:.2f} of 20"
        )
