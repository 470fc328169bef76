"""Git hooks: a marked block that starts repocomp in the background and returns at once.

A block costs two small git processes, never fails, and stands first in a hook, since what follows may `exec` or `exit`.
What git writes to the hook's standard input is read and given back. Hooks that are no shell scripts are kept beside
ours and run after it. Hooks in a work tree (`core.hooksPath = .husky`) belong to the repository and are left alone, and
so are links, which may serve other repositories; a folder outside the repository is written on request alone.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkstemp
from typing import Literal

from repocomp import git, tree
from repocomp.errors import FeedbackError
from repocomp.process import command, environment, is_below

EVENTS = ("post-commit", "post-merge", "post-checkout", "post-rewrite")
State = Literal["installed", "missing", "foreign", "dropped", "linked", "special"]
"""Whether our block is in a hook. "dropped": another tool removed it; "linked", "special": no file of the repository's
own, and left alone."""

_BEGIN = "# >>> repocomp >>> re-index and measure in the background; `repocomp hooks uninstall` removes this block"
_END = "# <<< repocomp <<<"
_BLOCK = re.compile(rf"^{re.escape(_BEGIN[:18])}.*?^{re.escape(_END)}\n", re.M | re.S)
_SHELL = re.compile(rb"#!\s*(?:/usr/bin/env\s+)?(?:\S*/)?(?:sh|bash|dash|zsh|ksh)\b[^\n]*\n")
_OWN_HEAD = b"#!/bin/sh\n"
_CHAINED = ".before-repocomp"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook: its file, whether our block is in it, and whether anything else is."""

    event: str
    path: Path
    state: State
    has_others: bool


def hooks_folder(root: Path) -> Path:
    """Where git looks for the hooks of this repository. Raises FeedbackError outside git."""
    found = git.hooks_path(root)
    if found is None:
        raise FeedbackError(f"{root}: is no git repository, or git cannot read it", "git status")
    return found


def install(root: Path, shared: bool = False) -> list[Hook]:
    """Put the block into every hook, where it is not there yet or is an older one.

    `shared` allows a folder outside the repository. Raises FeedbackError.
    """
    folder = _writable(root, shared, "install")
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for event in EVENTS:
            _install(folder / event, event)
    return status(root)


def uninstall(root: Path, shared: bool = False) -> list[Hook]:
    """Take the block out of every hook, and leave each as it was before. Raises FeedbackError."""
    folder = _writable(root, shared, "uninstall")
    with _explained(folder):
        for path in _candidates(folder):
            _uninstall(path)
    return status(root)


def status(root: Path) -> list[Hook]:
    """Every hook as it is now. Raises FeedbackError."""
    folder = hooks_folder(root)
    with _explained(folder):
        hooks = [_status(folder, event) for event in EVENTS]
    # All are installed together: one that lacks the block beside others that have it has lost it.
    is_installed = any(hook.state == "installed" for hook in hooks)
    return [
        replace(hook, state="dropped") if is_installed and hook.state in ("missing", "foreign") else hook
        for hook in hooks
    ]


def _writable(root: Path, shared: bool, action: Literal["install", "uninstall"]) -> Path:
    """The folder of the hooks, if it is one to write to for `action`. Raises FeedbackError."""
    folder = hooks_folder(root)
    common = git.run(root, "rev-parse", "--git-common-dir")
    own = os.path.realpath(root / os.fsdecode(common or b".git").rstrip("\n"))
    real = os.path.realpath(folder)
    if is_below(real, [own]):
        return folder
    if is_below(real, [os.path.realpath(root)]):
        calls = "call this from your own hooks: repocomp hooks run post-commit >/dev/null 2>&1 &"
        raise FeedbackError(
            f"the hooks are in {folder}, inside the work tree, which repocomp never writes",
            calls if action == "install" else f"remove the call of repocomp from your own hooks, in {folder}",
        )
    if not shared:
        raise FeedbackError(
            f"the hooks are in {folder}, outside this repository, and may run in others too",
            f"repocomp hooks {action} --shared, if that is what you want",
        )
    return folder


def block(event: str) -> str:
    """The lines that start repocomp for `event`, for a POSIX shell."""
    python = shlex.quote(sys.executable)
    # The work tree is the working directory, and nothing in it may be imported.
    run = f'{_isolated()} {shlex.join(command("hooks", "run", event))} --head "$repocomp_head"'
    reads = event == "post-rewrite"
    lines = [
        _BEGIN,
        "repocomp_in=$(command -p cat) || :" if reads else "repocomp_in=",
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


def _isolated() -> str:
    """The variables with which the hook starts Python, whatever the shell that ran git has set."""
    names = ("PYTHONHOME", "PYTHONINSPECT", "PYTHONPYCACHEPREFIX", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONWARNINGS")
    clean = environment()
    return " ".join(f"{name}={shlex.quote(clean.get(name, ''))}" for name in (*names, "PYTHONPATH"))


def _install(path: Path, event: str) -> None:
    ours = block(event).encode()
    kind = _kind(path)
    if kind == "missing":
        _write(path, _OWN_HEAD + ours, 0o755)
    if kind != "file":
        return
    before, mode = _read(path), path.stat().st_mode & 0o777
    shell = _SHELL.match(before)
    if shell is None or not mode & 0o111:
        # A hook that is not executable is one that its owner switched off: it stays so.
        after = _chain(path).encode() if mode & 0o111 else b""
        _keep(path)
        _write(path, _OWN_HEAD + ours + after, 0o755)
        return
    _write(path, shell[0] + ours + _without_block(before)[len(shell[0]) :], mode)


def _chain(path: Path) -> str:
    return f'exec "$(dirname "$0")/{path.name}{_CHAINED}" "$@"\n'


def _keep(path: Path) -> None:
    """Give the hook a second name, under which ours runs it. Raises FeedbackError where that name is taken."""
    kept = path.with_name(path.name + _CHAINED)
    if os.path.lexists(kept):
        raise FeedbackError(
            f"{kept} is there already, kept from an earlier time", "look at it, and rename or remove it"
        )
    os.link(path, kept) if hasattr(os, "link") else path.rename(kept)


def _uninstall(path: Path) -> None:
    before = _read(path)
    rest = _without_block(before)
    if rest == before:
        return
    chained = path.with_name(path.name + _CHAINED)
    if os.path.lexists(chained) and rest in (_OWN_HEAD, _OWN_HEAD + _chain(path).encode()):
        chained.replace(path)
    elif rest == _OWN_HEAD:
        path.unlink()
    else:
        _write(path, rest, path.stat().st_mode & 0o777)


def _without_block(text: bytes) -> bytes:
    return _BLOCK.sub("", text.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def _status(folder: Path, event: str) -> Hook:
    path = folder / event
    texts = [_read(one) for one in _candidates(folder, event)]
    is_ours = any(_BEGIN[:18].encode() in text for text in texts)
    own = (_OWN_HEAD + block(event).encode(), _chain(path).encode())
    has_others = any(text not in (own[0], own[0] + own[1]) for text in texts)
    states: dict[str, State] = {"file": "foreign", "missing": "missing", "linked": "linked", "special": "special"}
    return Hook(event, path, "installed" if is_ours else states[_kind(path)], has_others)


def _candidates(folder: Path, *events: str) -> Iterator[Path]:
    """Hook files, and what pre-commit moved aside (`.legacy`) and still runs."""
    for event in events or EVENTS:
        names = (event, f"{event}.legacy", f"{event}{_CHAINED}")
        yield from (folder / name for name in names if _kind(folder / name) == "file")


def _kind(path: Path) -> Literal["missing", "file", "linked", "special"]:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "missing"
    return "linked" if stat.S_ISLNK(mode) else "file" if stat.S_ISREG(mode) else "special"


def _read(path: Path) -> bytes:
    return tree.read(path.parent, path.name, _MOST_BYTES)


def _write(path: Path, data: bytes, mode: int) -> None:
    """By rename, so that git never runs half a hook; under a name that nobody can foresee before that."""
    descriptor, fresh = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(fresh, mode)
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FeedbackError(f"{folder}: {error.strerror or error}", "check the folder's permissions") from error
