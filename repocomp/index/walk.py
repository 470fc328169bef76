"""Which files are worth reading: git's ignore rules, our own on top, and a few facts of size and content.

The rules in order: git (or `.gitignore` files, where there is no git), then the built-in secret patterns, then
`.repocompignore` in the root. What they leave out, the user's own `ignore` beside the settings alone brings back: a
repository is not trusted to say what of the user's files is read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from repocomp import git
from repocomp.config import user_file
from repocomp.errors import GitError
from repocomp.index.fitness import unfit
from repocomp.index.ignore import Patterns, patterns_of
from repocomp.index.without_git import WithoutGit
from repocomp.languages.formats import format_of
from repocomp.languages.table import LANGUAGES
from repocomp.secrets.names import SECRET_GLOBS
from repocomp.secrets.redaction import redact
from repocomp.tree import is_link, printable, read

IGNORE_FILE = ".repocompignore"
MAX_BYTES = 1 << 20
_LOCK_FILES = re.compile(
    r"(?:^|/)(?:[\w.-]+\.lock|package-lock\.json|pnpm-lock\.yaml|go\.sum|[\w.-]+\.min\.(?:js|css)|[\w.-]+\.map)$"
)
_LOCK_ENDS = (".lock", "-lock.json", "-lock.yaml", ".sum", ".js", ".css", ".map")
"""With what the paths end that are worth that search."""
_MOST_LOOKED_AT, _MOST_LOOKED_AT_CHARS = 500, 50_000
"""A command line takes only so many paths."""


class Found(NamedTuple):
    """A path below the root ("/" separated): a file to look at, or `skipped` says why not.

    `stamp` changes with a file even where its size and time stamp were set back: time of change and number.
    """

    path: str
    size: int
    mtime_ns: int
    skipped: str | None = None
    stamp: str = ""


@dataclass(frozen=True)
class Rules:
    """The patterns of one root beyond git's own."""

    root: Path

    @cached_property
    def user(self) -> Patterns:
        """The user's own, in force in every repository."""
        # It may lie behind links, as files of the user's own do.
        folder, name = os.path.split(os.path.realpath(user_ignore_file()))
        return patterns_of(Path(folder), name)

    @cached_property
    def own(self) -> Patterns:
        """Those of the repository, which only leave out."""
        return patterns_of(self.root, IGNORE_FILE)

    @property
    def brings_back(self) -> bool:
        """Whether the user has a `!` pattern."""
        return self.user.bring_back

    def verdict(self, path: str) -> tuple[bool | None, str]:
        """True: left out, False: brought back, None: no opinion; and the reason in words."""
        encoded = os.fsencode(path)
        if (said := self.user.verdict(encoded)) is not None:
            return said.is_left_out, f"{user_ignore_file()}: {said.pattern.line}"
        # A folder's name condemns nothing in it.
        name = encoded.rpartition(b"/")[2]
        if _secret().concern(name) and (secret := _secret().match(name, is_folder=False)) and secret.is_left_out:
            return True, f"secret: {secret.pattern.line}"
        said = self.own.verdict(encoded)
        if said is not None and said.is_left_out:
            return True, f"{IGNORE_FILE}: {said.pattern.line}"
        return None, ""


@cache
def _secret() -> Patterns:
    # Code is judged by what it holds, but for scripts and settings, which set variables as such files do.
    code = (known for known in LANGUAGES if known.has_symbols and known.name not in ("bash", "hcl"))
    is_code = [f"!.env*{ending}" for known in code for ending in known.extensions]
    return Patterns.of("\n".join([*SECRET_GLOBS, *is_code]).encode(), "secret")


def user_ignore_file() -> Path:
    """`$XDG_CONFIG_HOME/repocomp/ignore`, in gitignore syntax."""
    return user_file().with_name("ignore")


def caveats(root: Path) -> list[str]:
    """What a person should know of how files below `root` are chosen: one line each."""
    rules = Rules(root)
    found = [*rules.user.faults, *rules.own.faults]
    if git.work_tree(root) is not None and not git.is_installed(root):
        found.append("git is not found: .gitignore files alone decide what is indexed")
    elif git.work_tree(root) is None:
        found += patterns_of(root, ".gitignore").faults
    return found


def read_file(root: Path, path: str) -> bytes | None:
    """The bytes of a regular file below `root`, no part of whose path is a link; None where it is none (any more)."""
    try:
        return read(root, path, max(MAX_BYTES, format_of(path).most_bytes))
    except OSError:
        return None


def walk(root: Path, public: Container[str] = ()) -> Iterator[Found]:
    """Every file below `root` that the rules leave in, sorted by path; those they leave out are not listed.

    Secret files, symbolic links, repositories within and files over 1 MiB are listed with a reason. The names in
    `public` are known to hold no secret. Raises GitError.
    """
    rules = Rules(root)
    yield from _judged(root, rules, _listed(root, rules), public)


def look(root: Path, paths: Sequence[str], public: Container[str] = ()) -> Iterator[Found]:
    """What `walk` finds of `paths` (relative files or folders), without a look at the rest where git is to be asked."""
    rules = Rules(root)
    is_short = len(paths) <= _MOST_LOOKED_AT and sum(map(len, paths)) <= _MOST_LOOKED_AT_CHARS
    listed = git.list_files(root, paths) if is_short and not rules.brings_back else None
    if listed is None:
        folders = tuple(f"{path}/" for path in paths)
        listed = [path for path in _listed(root, rules) if path in paths or path.startswith(folders)]
    yield from _judged(root, rules, listed, public)


def _judged(root: Path, rules: Rules, listed: Iterable[str], public: Container[str]) -> Iterator[Found]:
    top = f"{root}{os.sep}"
    links: dict[str, bool] = {"": False}
    paths = sorted(listed)
    bare = _bare_repositories(root, paths)
    yield from (Found(printable(folder), 0, 0, "repository") for folder in bare)
    for path in paths:
        if path.startswith(bare):
            continue
        try:
            status = os.lstat(top + path)
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and not os.path.lexists(f"{top}{path}/.git"):
            # A file that a folder took the place of is as gone as one that was deleted, whatever its name.
            continue
        left_out, reason = rules.verdict(path)
        name = printable(path)
        if path not in public and (shown := redact(path)) != path:
            yield Found(printable(shown), 0, 0, "secret")
            continue
        if left_out or name != path:
            yield Found(name, 0, 0, _word(reason) if left_out else "name")
            continue
        skipped = "symlink" if _is_behind_link(top, path, links) else _by_status(path, status)
        stamp = f"{status.st_ctime_ns}:{status.st_ino}"
        yield Found(path, status.st_size, status.st_mtime_ns, skipped, stamp)


def _word(reason: str) -> str:
    return "secret" if reason.startswith("secret") else "ignored"


def _bare_repositories(root: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Folders, ending with "/", that are git directories: git lists their objects as it does any file."""
    folders = [path.removesuffix("HEAD") for path in paths if path.endswith("/HEAD")]
    return tuple(folder for folder in folders if git.is_bare(root / folder))


def _is_behind_link(top: str, path: str, known: dict[str, bool]) -> bool:
    """Whether a folder of `path` is a link; `known` keeps what was found of folders."""
    folder = path.rstrip("/").rpartition("/")[0]
    if folder not in known:
        parts = folder.split("/")
        behind = False
        for count in range(1, len(parts) + 1):
            above = "/".join(parts[:count])
            if above not in known:
                known[above] = behind or is_link(os.lstat(top + above))
            behind = known[above]
    return known[folder]


def rule_against(root: Path, path: str) -> str | None:
    """The rule that leaves `path` (relative to `root`) out by its name, whether it is there or not. Raises GitError."""
    if redact(path) != path:
        return "secret: the name holds one"
    left_out, reason = Rules(root).verdict(path)
    if left_out is None:
        return _ignored_by(root, path)
    return reason if left_out else None


def explain(root: Path, path: str) -> tuple[bool, str]:
    """Whether `path` (relative to `root`) stays out of the index, and by which rule. Raises GitError."""
    if (rule := rule_against(root, path)) is not None:
        return True, rule
    top = f"{root}{os.sep}"
    try:
        status = os.lstat(top + path)
        is_linked = _is_behind_link(top, path, {"": False})
    except OSError:
        return True, "no such file"
    if is_linked:
        return True, "symlink"
    if any(git.is_bare(root / above) for above in PurePosixPath(path).parents):
        return True, "repository"
    if stat.S_ISDIR(status.st_mode) and not (root / path / ".git").exists():
        return False, "folder"
    skipped = "name" if printable(path) != path else _by_status(path, status)
    if skipped is None:
        data = read_file(root, path)
        skipped = "unreadable" if data is None else unfit(data, path)
    return skipped is not None, skipped or "indexed"


def _ignored_by(root: Path, path: str) -> str | None:
    """The rule of git's, or of `.gitignore` files without git, that leaves `path` out."""
    if git.list_files(root, (path,)) is not None:
        return git.explain_ignored(root, path)
    return WithoutGit(root).rule(path)


def _listed(root: Path, rules: Rules) -> Iterator[str]:
    if git.is_bare(root):
        raise GitError(f"{root}: is a bare repository, without files to index", f"git clone {root} FOLDER")
    listed = git.list_files(root)
    if listed is None:
        yield from WithoutGit(root).files()
        return
    yield from listed
    if rules.brings_back:
        for path in git.list_ignored(root):
            inside = _files_below(root, path) if path.endswith("/") else [path]
            yield from (name for name in inside if rules.verdict(name)[0] is False)


def _files_below(root: Path, folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(root / folder):
        folders[:] = [name for name in folders if name != ".git"]
        relative = Path(parent).relative_to(root).as_posix()
        yield from (f"{relative}/{name}" for name in names)


def _by_status(path: str, status: os.stat_result) -> str | None:
    if is_link(status):
        return "symlink"
    if stat.S_ISDIR(status.st_mode):
        # Git lists no folder but a submodule or another repository, which has an index of its own.
        return "repository"
    if not stat.S_ISREG(status.st_mode):
        return "special"
    if not status.st_size:
        return "empty"
    if status.st_size > MAX_BYTES and status.st_size > format_of(path).most_bytes:
        return "huge"
    return "generated" if path.endswith(_LOCK_ENDS) and _LOCK_FILES.search(path) else None
