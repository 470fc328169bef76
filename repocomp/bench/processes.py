"""Processes that a benchmark starts: daemons of its own, and commands with the time that they take."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from repocomp.errors import BenchError
from repocomp.process import command, environment


@contextmanager
def daemons(names: Iterable[str]) -> Iterator[dict[str, Mapping[str, str]]]:
    """A daemon for each name; yields the environment in which each is met. Raises BenchError."""
    with ExitStack() as stack:
        met: dict[str, Mapping[str, str]] = {}
        for name in names:
            folder = stack.enter_context(TemporaryDirectory())
            met[name] = {**environment(), "XDG_RUNTIME_DIR": folder}
            daemon = stack.enter_context(subprocess.Popen(command("serve"), stderr=subprocess.PIPE, env=met[name]))
            stack.callback(daemon.terminate)
            if daemon.stderr is None or b"ready" not in daemon.stderr.readline():
                raise BenchError("a daemon of the benchmark's own does not start", "repocomp serve")
        yield met


def timed(arguments: list[str], root: Path, data: bytes, env: Mapping[str, str]) -> tuple[float, float, bytes]:
    """Run a command in `root` with `data` as its input: wall-clock and processor milliseconds, and what it printed."""
    before, start = _children_cpu(), time.perf_counter()
    done = subprocess.run(arguments, cwd=root, input=data, capture_output=True, env=dict(env), check=False)
    return (time.perf_counter() - start) * 1000, (_children_cpu() - before) * 1000, done.stdout


def _children_cpu() -> float:
    if sys.platform == "win32":
        raise BenchError("latency is measured where processes tell their time", "run it on Linux or macOS")
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
