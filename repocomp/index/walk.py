"""Which files are worth reading: git's ignore rules, our own on top, and a few facts of size and content.

The rules in order: git (or `.gitignore` files, where there is no git), then the built-in secret patterns, then
`.repocompignore` in the root, whose `!` patterns bring back what the others left out.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pathspec import GitIgnoreSpec

from repocomp import git
from repocomp.index.fitness import unfit
from repocomp.secrets import SECRET_GLOBS, redact

IGNORE_FILE = ".repocompignore"
MAX_BYTES = 1 << 20
_NEVER = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox"})

_LOCK_FILES = re.compile(
    r"(?:^|/)(?:[\w.-]+\.lock|package-lock\.json|pnpm-lock\.yaml|go\.sum|[\w.-]+\.min\.(?:js|css)|[\w.-]+\.map)$"
)
_LOCK_ENDS = (".lock", "-lock.json", "-lock.yaml", ".sum", ".js", ".css", ".map")
"""With what the paths end that are worth that search."""
_MOST_LOOKED_AT = 500
"""A command line takes only so many paths."""
_GROUP_NAME = re.compile(r"\(\?P<\w+>")
_STARTS = {"^(?:.+/)?[^/]*": "", "^(?:.+/)?": "/", "^": "^/"}
"""How pathspec's expressions open, and what their rest follows in a path after a slash. Any other matches all."""


class Found(NamedTuple):
    """A path below the root ("/" separated): a file to look at, or `skipped` says why not."""

    path: str
    size: int
    mtime_ns: int
    skipped: str | None = None


@dataclass(frozen=True)
class Rules:
    """The patterns of one root beyond git's own."""

    root: Path

    @cached_property
    def _own(self) -> list[str]:
        try:
            return (self.root / IGNORE_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        return GitIgnoreSpec.from_lines([*SECRET_GLOBS, *self._own])

    @cached_property
    def _concerned(self) -> re.Pattern[str]:
        """Found in "/" and any path that a pattern matches."""
        regexes = [pattern.regex for pattern in self._spec.patterns if pattern.include is not None]
        return re.compile("|".join(_loosened(regex.pattern) for regex in regexes if regex is not None))

    @property
    def brings_back(self) -> bool:
        """Whether `.repocompignore` has a `!` pattern."""
        return any(line.startswith("!") for line in self._own)

    def concern(self, path: str) -> bool:
        """Whether the patterns may have an opinion: where not, they need not be asked one by one."""
        return self._concerned.search(f"/{path}") is not None

    def verdict(self, path: str) -> tuple[bool | None, str]:
        """True: left out, False: brought back, None: no opinion; and the reason in words."""
        if not self.concern(path):
            return None, ""
        checked = self._spec.check_file(path)
        if checked.include is None or checked.index is None:
            return None, ""
        if checked.index < len(SECRET_GLOBS):
            return checked.include or None, f"secret: {SECRET_GLOBS[checked.index]}"
        return checked.include, f"{IGNORE_FILE}: {self._own[checked.index - len(SECRET_GLOBS)]}"


def _loosened(regex: str) -> str:
    """What "/" and a path hold wherever the path matches `regex`, an expression of pathspec's, and quicker to search.

    Names are unique in one expression, so groups lose theirs.
    """
    regex = _GROUP_NAME.sub("(?:", regex)
    for start, instead in _STARTS.items():
        if regex.startswith(start):
            return f"(?:{instead}{regex.removeprefix(start)})"
    return ""


def walk(root: Path) -> Iterator[Found]:
    """Every file below `root` that the rules leave in, sorted by path; those they leave out are not listed.

    Secret files, symbolic links and files over 1 MiB are listed with a reason.
    """
    rules = Rules(root)
    yield from _judged(root, rules, _listed(root, rules))


def look(root: Path, paths: Sequence[str]) -> Iterator[Found]:
    """What `walk` finds of `paths` (relative files or folders), without a look at the rest where git is to be asked."""
    rules = Rules(root)
    listed = None if rules.brings_back or len(paths) > _MOST_LOOKED_AT else git.list_files(root, paths)
    if listed is None:
        folders = tuple(f"{path}/" for path in paths)
        listed = [path for path in _listed(root, rules) if path in paths or path.startswith(folders)]
    yield from _judged(root, rules, listed)


def _judged(root: Path, rules: Rules, listed: Iterable[str]) -> Iterator[Found]:
    top = f"{root}{os.sep}"
    for path in sorted(listed):
        left_out, reason = rules.verdict(path)
        if (shown := redact(path)) != path:
            yield Found(shown, 0, 0, "secret")
            continue
        if left_out:
            yield Found(path, 0, 0, "secret" if reason.startswith("secret") else "ignored")
            continue
        try:
            status = os.lstat(top + path)
        except OSError:
            continue
        yield Found(path, status.st_size, status.st_mtime_ns, _by_status(path, status))


def explain(root: Path, path: str) -> tuple[bool, str]:
    """Whether `path` (relative to `root`) stays out of the index, and by which rule."""
    rules = Rules(root)
    if redact(path) != path:
        return True, "secret: the name holds one"
    left_out, reason = rules.verdict(path)
    if left_out is not None:
        return left_out, reason
    answer = git.run(root, "check-ignore", "-v", "--", path)
    if answer:
        return True, answer.decode(errors="replace").split("\t")[0]
    try:
        status = os.lstat(root / path)
    except OSError:
        return True, "no such file"
    skipped = _by_status(path, status) or unfit((root / path).read_bytes())
    return skipped is not None, skipped or "indexed"


def _listed(root: Path, rules: Rules) -> Iterator[str]:
    listed = git.list_files(root)
    if listed is None:
        yield from _listed_without_git(root, "", [])
        return
    yield from listed
    if rules.brings_back:
        for path in git.list_ignored(root):
            inside = _files_below(root, path) if path.endswith("/") else [path]
            yield from (name for name in inside if rules.verdict(name)[0] is False)


def _files_below(root: Path, folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(root / folder):
        relative = Path(parent).relative_to(root).as_posix()
        yield from (f"{relative}/{name}" for name in names)


def _listed_without_git(root: Path, folder: str, specs: list[tuple[str, GitIgnoreSpec]]) -> Iterator[str]:
    """Walk by `.gitignore` files alone; `specs` are those of the folders above, with the folder each stands in."""
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError:
        return
    if any(entry.name == ".gitignore" for entry in entries):
        lines = (root / folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
        specs = [*specs, (folder, GitIgnoreSpec.from_lines(lines))]
    for entry in entries:
        path = f"{folder}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _NEVER and not _ignored(f"{path}/", specs):
                yield from _listed_without_git(root, f"{path}/", specs)
        elif not _ignored(path, specs):
            yield path


def _ignored(path: str, specs: list[tuple[str, GitIgnoreSpec]]) -> bool:
    """The deepest file with an opinion decides, as in git."""
    for folder, spec in reversed(specs):
        checked = spec.check_file(path.removeprefix(folder))
        if checked.include is not None:
            return checked.include
    return False


def _by_status(path: str, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "symlink"
    if not stat.S_ISREG(status.st_mode):
        return "special"
    if not status.st_size:
        return "empty"
    if status.st_size > MAX_BYTES:
        return "huge"
    return "generated" if path.endswith(_LOCK_ENDS) and _LOCK_FILES.search(path) else None
