"""Which repository this is: the one name that its clones and work trees share.

It is git's root commit, the smallest where there are several. Before the first commit, in a shallow clone (which does
not know its root) and outside git it is the path. Finding the root reads the whole history, so it is remembered beside
the index; git says in 3 ms whether what is remembered still belongs to this repository.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from repocomp import git
from repocomp.errors import FeedbackError
from repocomp.store.paths import feedback_path, index_path, path_digest

_PATIENT_S = 60.0
"""As long as a person waits, once a repository; what holds up a completion, or runs beside it, waits less."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A repository's name for folders, and the commit its work tree stands on (None without one)."""

    name: str
    head: str | None


def identify(root: Path, timeout_s: float = _PATIENT_S) -> Identity:
    """The identity of the repository at `root`. Raises FeedbackError when its history takes longer to read."""
    memory = index_path(root).with_name("identity")
    known = _remembered(memory)
    if known and (answer := git.run(root, "rev-parse", "HEAD", f"{known}^{{commit}}")):
        return Identity(known, answer.split()[0].decode())
    if known and git.run(root, "cat-file", "-e", f"{known}^{{commit}}") is not None:
        return Identity(known, None)
    head = git.commit_of(root)
    if head is None:
        return Identity(path_name(root), None)
    if (git.run(root, "rev-parse", "--is-shallow-repository") or b"").strip() == b"true":
        return Identity(path_name(root), head)
    roots = git.run(root, "rev-list", "--max-parents=0", "HEAD", timeout_s=timeout_s)
    if not roots:
        raise FeedbackError(f"{root}: the history is too long to find its root in time", "repocomp feedback list")
    name = min(roots.decode().split())
    _remember(memory, name)
    _adopt(root, name)
    return Identity(name, head)


def known_name(root: Path) -> str | None:
    """The identity's name as far as it is known without asking git, which costs a keystroke 3 ms; None where it is not.

    What `identify` remembered, else the path's: of a linked work tree that nothing was recorded in, neither is known.
    """
    known = _remembered(index_path(root).with_name("identity"))
    if known is not None:
        return known
    git_folder = root / ".git"
    if git_folder.is_file():
        return None
    return "path-" + path_digest(git_folder if git_folder.is_dir() else root)


def path_name(root: Path) -> str:
    """The identity of a tree without a root commit; work trees of one repository share it."""
    common = git.run(root, "rev-parse", "--git-common-dir")
    return "path-" + path_digest(root / common.decode().strip() if common else root)


def _remembered(memory: Path) -> str | None:
    try:
        name = memory.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name.isalnum() else None


def _remember(memory: Path, name: str) -> None:
    with suppress(OSError):
        memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        memory.write_text(name + "\n", encoding="ascii")


def _adopt(root: Path, name: str) -> None:
    """Carry over what was recorded before the first commit."""
    before, now = feedback_path(path_name(root)).parent, feedback_path(name).parent
    if before.exists() and not now.exists():
        with suppress(OSError):
            before.rename(now)
