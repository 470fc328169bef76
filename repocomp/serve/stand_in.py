"""The daemon in the client's place: its folder, its environment, its standard streams, for the time of one request.

What an answer depends on is the process it runs in, so the process is made the same, and the command that runs is the
one the client would have run. Only the working thread looks at any of this, one request at a time.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from repocomp.serve import protocol
from repocomp.serve.server import Message


class _Terminal(io.TextIOWrapper):
    """A text stream over `bytes_` that says about itself what the client's own says."""

    def __init__(self, bytes_: io.BytesIO, is_terminal: bool) -> None:
        super().__init__(bytes_, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """What the client's stream answers."""
        return self._is_terminal


class Output(io.BytesIO):
    """What a command writes to standard output; `flushed` is told at each flush, `take` empties it."""

    def __init__(self, flushed: Callable[[Output], None]) -> None:
        super().__init__()
        self._flushed = flushed

    def flush(self) -> None:
        """Say that what is there may go out."""
        super().flush()
        self._flushed(self)

    def take(self) -> str:
        """What was written since, as a message carries it."""
        written = protocol.to_text(self.getvalue())
        self.seek(0)
        self.truncate()
        return written


@contextmanager
def stand_in(request: Message, flushed: Callable[[Output], None]) -> Iterator[tuple[Output, Callable[[], str]]]:
    """Be the client of `request`; yields its standard output, and a way to read what went to standard error.

    Raises OSError where its folder cannot be entered.
    """
    streams, environment = (sys.stdin, sys.stdout, sys.stderr), dict(os.environ)
    output, errors = Output(flushed), io.BytesIO()
    os.chdir(request["folder"])
    try:
        for name in protocol.relevant(environment):
            del os.environ[name]
        os.environ.update(request["environment"])
        out_terminal, err_terminal = request["terminals"]
        sys.stdin = io.TextIOWrapper(io.BytesIO(protocol.to_bytes(request["stdin"])))
        sys.stdout, sys.stderr = _Terminal(output, out_terminal), _Terminal(errors, err_terminal)
        yield output, lambda: errors.getvalue().decode()
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        for name in protocol.relevant(os.environ):
            del os.environ[name]
        os.environ.update(protocol.relevant(environment))
        os.chdir(os.path.abspath(os.sep))
