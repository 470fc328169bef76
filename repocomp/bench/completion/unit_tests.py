"""Unit tests as judges of a function body: the repository's own, run on a copy with the answer put in.

What a model wrote is run here, so every run has a throw-away copy of the work tree, a process group and a home of its
own, no network, and bounds on time and memory. Where the network cannot be cut off, nothing is run.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from repocomp.errors import BenchError
from repocomp.evaluate.cases import Answer, Case
from repocomp.evaluate.holes import Hole

SECONDS = 120
"""A run that takes longer has failed."""
_MEMORY_BYTES = 8 << 30
_BROKEN = "raise NotImplementedError"
"""A body that no test accepts; where the tests do, they say nothing about the function."""
_CUT_OFF = {
    "linux": ["unshare", "--user", "--map-root-user", "--net"],
    "darwin": ["sandbox-exec", "-p", "(version 1)(allow default)(deny network*)"],
}
_LIMITED = """
import os, resource, sys
for limit, value in ((resource.RLIMIT_AS, int(sys.argv[1])), (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(limit, (value, value))
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""


@dataclass(slots=True)
class UnitTests:
    """A command that exits 0 when the tests of the work tree it is run in pass."""

    command: tuple[str, ...]
    seconds: float = SECONDS
    _sound: set[Path] = field(default_factory=set)

    @classmethod
    def of(cls, command: str) -> UnitTests:
        """Read a command line. Raises BenchError for an empty one, and where the network cannot be cut off."""
        try:
            words = tuple(shlex.split(command))
        except ValueError as error:
            raise BenchError(f"{command!r} is no command: {error}", "--run-tests 'python -m pytest -x -q'") from error
        if not words:
            raise BenchError("there is no command to run the tests", "--run-tests 'python -m pytest -x -q'")
        if not _can_cut_off():
            raise BenchError(
                "tests run what a model wrote, and the network cannot be cut off from them here",
                "run it where `unshare --user --map-root-user --net true` succeeds, or without --run-tests",
            )
        return cls(words)

    def judge(self, case: Case, hole: Hole, root: Path) -> Case:
        """`case` with both answers tested, or as it is where the tests say nothing about its function.

        Raises BenchError when the tests fail on the work tree as it is.
        """
        if hole.kind != "function" or not hole.document.path.endswith(".py"):
            return case
        self._check(root)
        if self._passes(root, hole, _BROKEN):
            return case
        texts = {answer.text for answer in (case.without, case.retrieved)}
        passed = {text: text == case.truth or self._passes(root, hole, text) for text in sorted(texts)}

        def tested(answer: Answer) -> Answer:
            return replace(answer, passed=passed[answer.text])

        return replace(case, without=tested(case.without), retrieved=tested(case.retrieved))

    def _check(self, root: Path) -> None:
        if root in self._sound:
            return
        code, said = self._run(root, None)
        if code != 0:
            last = next((line for line in reversed(said.splitlines()) if line.strip()), "no output")
            raise BenchError(
                f"{root}: the tests fail before anything is changed ({last.strip()[:200]})",
                f"make this pass there: {shlex.join(self.command)}",
            )
        self._sound.add(root)

    def _passes(self, root: Path, hole: Hole, text: str) -> bool:
        data = hole.document.data
        return self._run(root, (hole.document.path, data[: hole.start] + text.encode() + data[hole.end :]))[0] == 0

    def _run(self, root: Path, changed: tuple[str, bytes] | None) -> tuple[int, str]:
        """Exit status (137 after a timeout) and output in a copy of `root` with one file changed."""
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            copy, home = Path(folder) / root.name, Path(folder) / "home"
            shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            home.mkdir()
            if changed is not None:
                copy.joinpath(changed[0]).write_bytes(changed[1])
            return _run_cut_off(self.command, copy, home, self.seconds)


def _run_cut_off(command: tuple[str, ...], folder: Path, home: Path, seconds: float) -> tuple[int, str]:
    limited = [sys.executable, "-I", "-c", _LIMITED, str(_MEMORY_BYTES), *command]
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")}
    with home.joinpath("output").open("w+b") as output:
        process = subprocess.Popen(
            [*_CUT_OFF[sys.platform], *limited],
            cwd=folder,
            env={**kept, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = 128 + signal.SIGKILL
        finally:
            _kill_group(process)
        output.seek(0)
        return code, output.read().decode(errors="replace")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever the tests have started; the group outlives its leader while a child is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _can_cut_off() -> bool:
    try:
        tried = subprocess.run([*_CUT_OFF[sys.platform], "true"], capture_output=True, timeout=10, check=False)
    except (KeyError, OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
