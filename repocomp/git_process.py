"""How git is run: the one place that starts it.

Nothing in a repository is trusted, and its configuration may name commands. Git is asked by plumbing that reads neither
the content of the work tree (clean filters) nor its diff drivers; every other key that starts something is overridden.
It starts from an absolute path outside the work tree, in an environment of its own, without terminal, network and
locks, and ends within its time and its bytes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from repocomp.process import is_below, library_folders, surroundings

QUICK_S, LONG_S = 20.0, 60.0
"""For a question of constant cost, and for one that grows with the repository."""
MOST_BYTES = 1 << 28
_PIECE = 1 << 16
_ERROR_BYTES = 4096

_SETTINGS = (
    *(f"core.{key}=false" for key in ("fsmonitor", "alternateRefsCommand", "askPass", "editor", "gitProxy")),
    *(f"core.{key}=false" for key in ("sshCommand", "useReplaceRefs")),
    *(f"core.{key}={os.devnull}" for key in ("attributesFile", "hooksPath")),
    "core.pager=cat",
    "core.quotePath=true",
    "credential.helper=",
    *(f"gpg.{key}=false" for key in ("program", "openpgp.program", "x509.program", "ssh.program")),
    "gpg.ssh.defaultKeyCommand=false",
    "log.showSignature=false",
    *(f"diff.{key}=false" for key in ("noprefix", "mnemonicPrefix", "suppressBlankEmpty")),
    f"diff.orderFile={os.devnull}",
    "diff.renameLimit=1000",
    "protocol.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "maintenance.auto=false",
    "gc.auto=0",
    "uploadpack.packObjectsHook=false",
    "safe.bareRepository=explicit",
)
"""What a repository's own configuration may not decide."""
_HOOKS_PATH = f"core.hooksPath={os.devnull}"
_USERS = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
"""The variables of git that say where the user's own settings lie; all others speak of some other command."""
_FIXED = {
    # Objects that a partial clone lacks are not fetched: nothing leaves the machine. Older git knows the second alone.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


class Answer(NamedTuple):
    """What git said. `exit_code` is None where it did not run to its end; `problem`: why not, or git's complaint."""

    exit_code: int | None
    output: bytes
    problem: str


_stuck: dict[Path, float] = {}
"""Folders in which git did not answer in time, and when: nobody waits there for it again soon."""
_STUCK_S = 60.0
_LATE = "git gave no answer in"


def ask(
    folder: Path,
    *arguments: str,
    top: Path | None,
    stdin: bytes | None = None,
    timeout_s: float = QUICK_S,
    most_bytes: int = MOST_BYTES,
    reads_hooks_path: bool = False,
) -> Answer:
    """Run `git ARGUMENTS` in `folder`, which lies in the work tree `top`; None: it is a git directory itself."""
    program = find(top or folder)
    if program is None:
        return Answer(None, b"", "git is not found")
    if time.monotonic() - _stuck.get(folder, -_STUCK_S) < _STUCK_S:
        return Answer(None, b"", "git did not answer a moment ago")
    settings = [item for name in _SETTINGS if not (reads_hooks_path and name == _HOOKS_PATH) for item in ("-c", name)]
    where = [] if top is not None else ["--git-dir", str(folder)]
    command = [program, *settings, "--no-pager", *where, *arguments]
    answer = _run(command, folder, _environment(top), stdin, timeout_s, most_bytes)
    if answer.problem.startswith(_LATE):
        _stuck[folder] = time.monotonic()
    return answer


def find(top: Path) -> str | None:
    """The path of git, by absolute entries of PATH: none in the work tree `top`, none around the working directory."""
    name = "git.exe" if os.name == "nt" else "git"
    for folder in _search_path(top):
        program = os.path.join(folder, name)
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    return None


def _search_path(top: Path) -> list[str]:
    entries = filter(os.path.isabs, os.environ.get("PATH", os.defpath).split(os.pathsep))
    trees = [os.path.realpath(top), *surroundings(library_folders())]
    return [entry for entry in entries if not is_below(os.path.realpath(entry), trees)]


def _environment(top: Path | None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean |= {name: os.environ[name] for name in _USERS if name in os.environ}
    clean["PATH"] = os.pathsep.join(_search_path(top or Path(os.sep)))
    if top is not None:
        # Whatever `core.worktree` says; and a damaged `.git` does not hand the question to the repository around it.
        clean |= {"GIT_WORK_TREE": str(top), "GIT_CEILING_DIRECTORIES": str(top.parent)}
    return clean | _FIXED


def _run(
    command: list[str], folder: Path, environment: dict[str, str], stdin: bytes | None, timeout_s: float, most: int
) -> Answer:
    with _scratch() as complaint, _given(stdin) as given:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=complaint,
                start_new_session=True,
            )
        except OSError as error:
            return Answer(None, b"", f"git does not start: {error.strerror or error}")
        with _ended(process, timeout_s) as is_late:
            output = _read(process, most)
            exit_code = process.wait()
        complaint.seek(0)
        problem = complaint.read(_ERROR_BYTES).decode(errors="replace").strip()
    if is_late.is_set():
        return Answer(None, b"", f"{_LATE} {timeout_s:.0f} s")
    if output is None:
        return Answer(None, b"", f"git said more than {most >> 20} MiB")
    return Answer(exit_code, output, problem)


def _scratch() -> IO[bytes]:
    """A file without a name."""
    if sys.platform == "linux":
        # What `tempfile` does as well, the import of which costs every start some milliseconds.
        with suppress(OSError):
            place = os.environ.get("TMPDIR", "/tmp")
            return open(os.open(place, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b")
    from tempfile import TemporaryFile

    return TemporaryFile()


@contextmanager
def _given(stdin: bytes | None) -> Iterator[int | IO[bytes]]:
    """Standard input, from a file: git may read it as slowly as it likes, and write meanwhile."""
    if stdin is None:
        yield subprocess.DEVNULL
        return
    with _scratch() as file:
        file.write(stdin)
        file.seek(0)
        yield file


def _read(process: subprocess.Popen[bytes], most: int) -> bytes | None:
    """All that it writes; None, and its end, where that is more than `most` bytes."""
    pieces: list[bytes] = []
    size = 0
    if process.stdout is not None:
        with process.stdout as stream:
            while piece := stream.read1(_PIECE):  # type: ignore[attr-defined]
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    _kill(process)
                    return None
    return b"".join(pieces)


@contextmanager
def _ended(process: subprocess.Popen[bytes], timeout_s: float) -> Iterator[threading.Event]:
    """Whatever happens, the process ends with this block, and after `timeout_s` at the latest; tells whether it was."""
    is_late = threading.Event()

    def end() -> None:
        if process.returncode is None:
            is_late.set()
            _kill(process)

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield is_late
    finally:
        timer.cancel()
        timer.join()
        if process.poll() is None:
            _kill(process)
            process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it with all that it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
