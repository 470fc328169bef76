"""A program in a terminal of its own: keys go in, and what it draws is read, so that it never waits for a reader."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

WAIT_S = float(os.environ.get("EDITOR_WAIT_S", "30"))
ROWS, COLUMNS = 24, 90


class Terminal:
    """What is typed into, and the bytes that came out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.output = bytearray()
        threading.Thread(target=self._read, daemon=True).start()

    def type(self, keys: str) -> None:
        """One key after the other, as a person does: a burst is taken for something pasted, or for one edit.

        A sequence of escape is one key, and so is another key behind it: that with Alt.
        """
        is_one = keys.startswith("\x1b[") or (keys.startswith("\x1b") and len(keys) == 2)
        for key in [keys] if is_one else keys:
            os.write(self._descriptor, key.encode())
            time.sleep(0.01)

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self._descriptor, 65536):
                self.output += data


@contextmanager
def terminal(command: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a command in a terminal until the block ends."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **variables}
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=environment,
        start_new_session=True,
        # Emacs opens /dev/tty, the terminal that controls its session.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(ours)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(WAIT_S)
            os.close(ours)


def until(is_so: Callable[[], bool], describe: Callable[[], object], wait_s: float = WAIT_S) -> None:
    """Wait for something; what there is instead is the failure."""
    end = time.monotonic() + wait_s
    while not is_so():
        assert time.monotonic() < end, describe()
        time.sleep(0.02)
