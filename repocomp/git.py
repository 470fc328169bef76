"""What we ask git: where the work tree is, which files belong to it, and what commits say. Git is only read.

Every question is asked so that no setting changes the form of the answer: names end with NUL, never quoted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from repocomp import git_process
from repocomp.errors import GitError
from repocomp.git_process import LONG_S, QUICK_S

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_COMMIT = re.compile(r"[0-9a-f]{4,64}|HEAD")
_SIDES = ("--no-commit-id", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all", "-r")
_MOST_MOVES = 50
"""Of a branch that are looked at."""


def run(folder: Path, *arguments: str, stdin: bytes | None = None, timeout_s: float = QUICK_S) -> bytes | None:
    """Output of `git ARGUMENTS` in `folder`; None outside a work tree, and where git fails, says no or is too slow."""
    top = work_tree(folder)
    if top is None:
        return None
    answer = git_process.ask(folder, *arguments, top=top, stdin=stdin, timeout_s=timeout_s)
    return answer.output if answer.exit_code == 0 else None


def version() -> str | None:
    """What git calls itself; None where there is none."""
    folder = Path(os.path.abspath(os.sep))
    answer = git_process.ask(folder, "--version", top=folder / "nowhere")
    return answer.output.decode(errors="replace").strip() if answer.exit_code == 0 else None


def work_tree(path: Path) -> Path | None:
    """The top of the work tree that holds `path` (which need not exist), or None outside of any.

    Found by looking for `.git` upwards: a process costs more than the rest of a completion's start.
    """
    real = Path(os.path.realpath(path))
    for folder in [real, *real.parents]:
        try:
            has_git = (folder / ".git").exists()
        except OSError as error:
            # The name that was given is at fault, not the one that was looked for.
            raise OSError(error.errno, error.strerror, str(path)) from None
        if has_git:
            return folder
    return None


def is_bare(folder: Path) -> bool:
    """Whether `folder` is a git directory itself, without a work tree."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def list_files(root: Path, below: Sequence[str] = ()) -> list[str] | None:
    """Paths git tracks or would track below `root`, relative and "/" separated; None without git or outside of it.

    `below` names the files and folders to look at, instead of all. Raises GitError where git is there and fails:
    what it would have left out is not known then.
    """
    if work_tree(root) is None:
        return None
    return _listed(root, "--cached", "--others", "--exclude-standard", "--", *below)


def rule_files(root: Path) -> list[Path]:
    """The files beside `.gitignore` by which git decides what belongs to the work tree; none outside of one.

    What is tracked, private rules, the user's rules, and where they lie; some need not be there.
    """
    names = ("HEAD", "index", "config", "info/exclude")
    found = run(root, "rev-parse", *(word for name in names for word in ("--git-path", name)))
    if found is None:
        return []
    users = run(root, "config", "--path", "--get", "core.excludesFile")
    default = Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "git", "ignore")
    paths = os.fsdecode(found).splitlines()
    return [*(root / path for path in paths), root / os.fsdecode(users).rstrip("\n") if users else default]


def list_ignored(root: Path) -> list[str]:
    """Untracked paths below `root` that git's own rules leave out; whole folders end with "/". Raises GitError."""
    if work_tree(root) is None:
        return []
    return _listed(root, "--others", "--ignored", "--exclude-standard", "--directory") or []


def explain_ignored(root: Path, path: str) -> str | None:
    """The rule of git's that leaves `path` out, as FILE:LINE:PATTERN; None where none does."""
    # By standard input, which takes any name there is.
    options = ("check-ignore", "-z", "-v", "--stdin")
    fields = (run(root, *options, stdin=os.fsencode(path) + b"\0") or b"").split(b"\0")
    if len(fields) < 4 or fields[2].startswith(b"!"):
        return None
    return b":".join(fields[:3]).decode(errors="replace")


def hooks_path(root: Path) -> Path | None:
    """Where git looks for the hooks of this repository; None outside git."""
    top = work_tree(root)
    if top is None:
        return None
    found = git_process.ask(root, "rev-parse", "--git-path", "hooks", top=top, reads_hooks_path=True)
    if found.exit_code != 0:
        return None
    return root / os.path.expanduser(os.fsdecode(found.output).rstrip("\n"))


def is_installed(root: Path) -> bool:
    """Whether git can be asked in `root` at all."""
    return git_process.find(work_tree(root) or root) is not None


def changes(root: Path, limit: int) -> Iterator[list[str]]:
    """The paths that each of the last `limit` commits touches, the latest first; merges left out, none without git."""
    listed = run(root, "rev-list", f"-n{limit}", "--no-merges", "HEAD", timeout_s=LONG_S)
    if not listed:
        return
    commits = set(listed.split())
    options = ("--root", "--no-renames", "--name-only", "-z", "-r", "--stdin")
    paths: list[str] = []
    for field in (run(root, "diff-tree", *options, stdin=listed, timeout_s=LONG_S) or b"").split(b"\0"):
        if field not in commits:
            paths += [os.fsdecode(field)] if field else []
        elif paths:
            yield paths
            paths = []
    if paths:
        yield paths


def commit_of(root: Path) -> str | None:
    """The full name of the commit that HEAD names; None before the first one, and outside git."""
    found = run(root, "rev-parse", "-q", "--verify", "HEAD^{commit}")
    return found.decode().strip() if found is not None else None


def parents(root: Path, commit: str) -> list[str]:
    """The commits that `commit` stands on; none for a root or an unknown commit."""
    found = run(root, "rev-list", "--parents", "-n", "1", commit) if _COMMIT.fullmatch(commit) else None
    return found.decode().split()[1:] if found is not None else []


def is_ancestor(root: Path, old: str, new: str) -> bool:
    """Whether `new` stands on `old`, or is it."""
    if not (_COMMIT.fullmatch(old) and _COMMIT.fullmatch(new)):
        return False
    return run(root, "merge-base", "--is-ancestor", old, new, timeout_s=LONG_S) is not None


def taken_back(root: Path, commit: str) -> list[str]:
    """The commits, latest first, that the branch was reset past right before `commit` was made on it."""
    branch = run(root, "symbolic-ref", "-q", "HEAD")
    options = ("rev-list", "-g", f"-n{_MOST_MOVES}", os.fsdecode(branch or b"").strip(), "--")
    # A branch's own log tells no checkouts: it goes back by resets alone.
    moves = (run(root, *options) or b"").decode().split() if branch else []
    at = moves.index(commit) + 1 if commit in moves else len(moves)
    if at == len(moves) or [moves[at]] != parents(root, commit):
        return []
    last = at
    while moves[last + 1 : last + 2] and is_ancestor(root, moves[last], moves[last + 1]):
        last += 1
    return (run(root, "rev-list", f"{moves[at]}..{moves[last]}", timeout_s=LONG_S) or b"").decode().split()


def changed_paths(root: Path, commit: str) -> dict[str, str | None]:
    """Each path that `commit` changed against its first parent, with its name there now; None where it is gone."""
    return {old: new for old, new, _ in _changed(root, _against_parent(root, commit))}


def changed_between(root: Path, old: str, new: str) -> dict[str, str | None]:
    """As `changed_paths`, for what `new` changes of `old`, which need not be related to it."""
    sides = [old, new] if _COMMIT.fullmatch(old) and _COMMIT.fullmatch(new) else []
    return {before: now for before, now, _ in _changed(root, sides)}


def added_lines(root: Path, commit: str, most: int) -> list[tuple[str, str]]:
    """(path, line) for every line that `commit` adds to its first parent; none at all where they are over `most`."""
    sides = _against_parent(root, commit)
    counts = _diff(root, sides, "--numstat").split(b"\n")
    added = sum(int(row.split(b"\t")[0]) for row in counts if row[:1].isdigit())
    if not 0 < added <= most:
        return []
    return [(path, line.decode(errors="replace")) for path, _, line in _added(root, sides)]


def added_between(root: Path, old: str, new: str) -> Iterator[tuple[str, int, bytes]]:
    """(path in `new`, line number there, line) for every line that it adds to `old`."""
    yield from _added(root, [old, new])


def blob(root: Path, commit: str, path: str) -> bytes | None:
    """The bytes of `path` in `commit`; None where it holds no such file."""
    return run(root, "cat-file", "blob", f"{commit}:{path}") if _COMMIT.fullmatch(commit) else None


def _listed(root: Path, *options: str) -> list[str] | None:
    """Names from `git ls-files`, each once; None where git is not installed."""
    top = work_tree(root)
    answer = git_process.ask(root, "--literal-pathspecs", "ls-files", "-z", *options, top=top, timeout_s=LONG_S)
    if answer.exit_code == 0:
        return list(dict.fromkeys(os.fsdecode(name) for name in answer.output.split(b"\0") if name))
    if not is_installed(root):
        return None
    first = answer.problem.partition("\n")[0] or f"exit code {answer.exit_code}"
    hint = f"git -C {root} status"
    if "dubious ownership" in answer.problem or "safe.directory" in answer.problem:
        hint = f"git config --global --add safe.directory {top}"
    raise GitError(f"{root}: git cannot say which files belong to it: {first.removeprefix('fatal: ')}", hint)


def _against_parent(root: Path, commit: str) -> list[str]:
    """What to compare `commit` with its first parent by; all of it is new where it has none."""
    if not _COMMIT.fullmatch(commit):
        return []
    before = parents(root, commit)[:1]
    return [*before, commit] if before else ["--root", commit]


def _diff(root: Path, sides: list[str], *options: str) -> bytes:
    """Output of `git diff-tree`; nothing where it fails."""
    if not sides:
        return b""
    return run(root, "diff-tree", *_SIDES, *options, "-M", *sides, timeout_s=LONG_S) or b""


def _changed(root: Path, sides: list[str]) -> Iterator[tuple[str, str | None, str]]:
    """(path, path now, status letter) of every file that differs between the sides, in git's order."""
    fields = iter(os.fsdecode(field) for field in _diff(root, sides, "-z", "--name-status").split(b"\0") if field)
    for status in fields:
        path = next(fields, "")
        now = next(fields, None) if status[0] in "RC" else (None if status[0] == "D" else path)
        yield path, now, status[0]


def _added(root: Path, sides: list[str]) -> Iterator[tuple[str, int, bytes]]:
    """(path now, line number, line) for every line that the second side adds to the first.

    Names come from a list of their own, in the same order: in a patch their form depends on settings and characters.
    """
    # Where a file became a link, or the reverse, one patch removes it and another adds it.
    names = [now or path for path, now, status in _changed(root, sides) for _ in range(1 + (status == "T"))]
    at, number, old, new = -1, 0, 0, 0
    for line in _diff(root, sides, "-p", "-U0").split(b"\n"):
        if new and line.startswith(b"+"):
            yield names[at], number, line[1:]
            number, new = number + 1, new - 1
        elif old and line.startswith(b"-"):
            old -= 1
        elif hunk := _HUNK.match(line):
            old, number, new = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
        elif line.startswith(b"diff --git ") and at + 1 < len(names):
            at, old, new = at + 1, 0, 0
