"""Git hooks: a marked block that starts repocomp in the background and returns at once.

A block costs two small git processes, never fails, and stands first in a hook, since what follows may `exec` or `exit`.
What git writes to the hook's standard input is read and given back. Hooks that are no shell scripts are kept beside
ours and run after it. Hooks in a work tree (`core.hooksPath = .husky`) belong to the repository and are left alone.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from repocomp import git
from repocomp.errors import FeedbackError

EVENTS = ("post-commit", "post-merge", "post-checkout", "post-rewrite")
State = Literal["installed", "missing", "foreign"]

_BEGIN = "# >>> repocomp >>> re-index and measure in the background; `repocomp hooks uninstall` removes this block"
_END = "# <<< repocomp <<<"
_BLOCK = re.compile(rf"^{re.escape(_BEGIN[:18])}.*?^{re.escape(_END)}\n", re.M | re.S)
_SHELL = re.compile(rb"#!\s*(?:/usr/bin/env\s+)?(?:\S*/)?(?:sh|bash|dash|zsh|ksh)\b[^\n]*\n")
_OWN_HEAD = b"#!/bin/sh\n"
_CHAINED = ".before-repocomp"


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook: its file, whether our block is in it, and whether anything else is."""

    event: str
    path: Path
    state: State
    has_others: bool


def hooks_folder(root: Path) -> Path:
    """Where git looks for the hooks of this repository. Raises FeedbackError outside git."""
    found = git.run(root, "rev-parse", "--git-path", "hooks")
    if found is None:
        raise FeedbackError(f"{root}: is no git repository", "git init")
    return root / os.path.expanduser(os.fsdecode(found).rstrip("\n"))


def install(root: Path) -> list[Hook]:
    """Put the block into every hook, where it is not there yet or is an older one. Raises FeedbackError."""
    folder = hooks_folder(root)
    if _is_inside(folder, root):
        raise FeedbackError(
            f"core.hooksPath is {folder}, inside the work tree, which repocomp never writes",
            "call this from your own hooks: repocomp hooks run post-commit >/dev/null 2>&1 &",
        )
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for event in EVENTS:
            _install(folder / event, event)
    return status(root)


def uninstall(root: Path) -> list[Hook]:
    """Take the block out of every hook, and leave each as it was before. Raises FeedbackError."""
    folder = hooks_folder(root)
    with _explained(folder):
        for path in _candidates(folder):
            _uninstall(path)
    return status(root)


def status(root: Path) -> list[Hook]:
    """Every hook as it is now."""
    folder = hooks_folder(root)
    return [_status(folder, event) for event in EVENTS]


def block(event: str) -> str:
    """The lines that start repocomp for `event`, for a POSIX shell."""
    python = shlex.quote(sys.executable)
    # -P: the work tree is the working directory, and nothing in it may be imported.
    run = f'{python} -P -m repocomp hooks run {event} --head "$repocomp_head"'
    reads = event == "post-rewrite"
    lines = [
        _BEGIN,
        "repocomp_in=$(cat) || :" if reads else "repocomp_in=",
        f"if [ -x {python} ]; then (",
        "  repocomp_git=$(git rev-parse --git-dir) || exit 0",
        # One report at the end of a rebase says more than one for each of its steps.
        *([] if reads else ['  [ -d "$repocomp_git/rebase-merge" ] || [ -d "$repocomp_git/rebase-apply" ] && exit 0']),
        "  repocomp_head=$(git rev-parse -q --verify HEAD) || exit 0",
        f'  printf "%s\\n" "$repocomp_in" | {run} >/dev/null 2>&1 &',
        ") 2>/dev/null || :; fi",
        *(["exec <<repocomp_end", "$repocomp_in", "repocomp_end"] if reads else []),
        _END,
    ]
    return "\n".join(lines) + "\n"


def _install(path: Path, event: str) -> None:
    ours = block(event).encode()
    if not path.exists():
        _write(path, _OWN_HEAD + ours, 0o755)
        return
    before, mode = path.read_bytes(), path.stat().st_mode & 0o777
    shell = _SHELL.match(before)
    if shell is None or not mode & 0o111:
        # A hook that is not executable is one that its owner switched off: it stays so.
        after = _chain(path).encode() if mode & 0o111 else b""
        path.rename(path.with_name(path.name + _CHAINED))
        _write(path, _OWN_HEAD + ours + after, 0o755)
        return
    without = _BLOCK.sub("", before.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    _write(path, shell[0] + ours + without[len(shell[0]) :], mode)


def _chain(path: Path) -> str:
    return f'exec "$(dirname "$0")/{path.name}{_CHAINED}" "$@"\n'


def _uninstall(path: Path) -> None:
    text = path.read_bytes().decode(errors="surrogateescape")
    if not _BLOCK.search(text):
        return
    rest = _BLOCK.sub("", text)
    chained = path.with_name(path.name + _CHAINED)
    if chained.exists():
        chained.replace(path)
    elif rest.encode(errors="surrogateescape") == _OWN_HEAD:
        path.unlink()
    else:
        _write(path, rest.encode(errors="surrogateescape"), path.stat().st_mode & 0o777)


def _status(folder: Path, event: str) -> Hook:
    path = folder / event
    texts = [one.read_bytes() for one in _candidates(folder, event)]
    is_ours = any(_BEGIN[:18].encode() in text for text in texts)
    own = (_OWN_HEAD + block(event).encode(), _chain(path).encode())
    has_others = any(text not in (own[0], own[0] + own[1]) for text in texts)
    state: State = "installed" if is_ours else ("foreign" if path.exists() else "missing")
    return Hook(event, path, state, has_others)


def _candidates(folder: Path, *events: str) -> Iterator[Path]:
    """Hook files, and what pre-commit moved aside (`.legacy`) and still runs."""
    for event in events or EVENTS:
        names = (event, f"{event}.legacy", f"{event}{_CHAINED}")
        yield from (folder / name for name in names if (folder / name).is_file())


def _is_inside(folder: Path, root: Path) -> bool:
    common = git.run(root, "rev-parse", "--git-common-dir")
    if common is None:
        return True
    real, git_folder = folder.resolve(), (root / os.fsdecode(common).rstrip("\n")).resolve()
    return real.is_relative_to(root.resolve()) and not real.is_relative_to(git_folder)


def _write(path: Path, data: bytes, mode: int) -> None:
    """By rename, so that git never runs half a hook."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(data)
    fresh.chmod(mode)
    fresh.replace(path)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FeedbackError(f"{folder}: {error.strerror or error}", "check the folder's permissions") from error
