"""Keeping an index current while files change: what changed is looked at, and nothing else.

Whoever tells of changes is handed in; `changes` asks the optional package watchfiles, which waits for the system's own
notices. Several writers take turns at the database, so a watch, a hook and a hand-made run do not disturb each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from repocomp import git
from repocomp.errors import ConfigError
from repocomp.index.build import IndexReport, build, update
from repocomp.index.walk import IGNORE_FILE, user_ignore_file
from repocomp.progress import OnProgress
from repocomp.store.paths import index_path
from repocomp.tree import printable

_RULES = frozenset({".gitignore", IGNORE_FILE})
_QUIET_MS = 200
"""How long nothing more must change before a change is told: an editor writes a file in several steps. It is also how
often watchfiles wakes up, 1 % of a processor every 50 ms."""
_WAIT_MS = 5000


def watch(
    root: Path,
    told: Iterable[Collection[Path]],
    *,
    jobs: int | None = None,
    rebuild: bool = False,
    progress: OnProgress | None = None,
) -> Iterator[IndexReport]:
    """Bring the index of `root` up to date, then again for each collection of paths that is `told`; a report for each.

    Paths that are ignored, or not of the tree, change nothing and are not reported. Raises StoreError.
    """
    yield build(root, jobs=jobs, rebuild=rebuild, progress=progress)
    rules = _rule_files(root)
    for number, paths in enumerate(told):
        changed = _relative(root, paths)
        # What changed between the first look and the first word was told by nobody.
        is_all = number == 0 or any(path in rules or path.name in _RULES for path in paths)
        if not is_all and not changed:
            continue
        report = build(root, jobs=jobs, progress=progress) if is_all else update(root, changed)
        # A look at everything reads what was written a moment before the last one once more, and finds it known.
        if report.indexed or report.removed or (report.reused and not is_all):
            yield report


def changes(root: Path) -> Iterator[Collection[Path]]:
    """What changes below `root`, as it happens; nothing, every few seconds, while nothing does.

    Raises ConfigError where the package for it is missing.
    """
    try:
        from watchfiles import watch as wait
    except ImportError as error:
        raise ConfigError("--watch needs the package watchfiles", "pip install watchfiles") from error
    rules = _rule_files(root)
    # Those of the user, and of a work tree whose repository lies elsewhere, are not below the root.
    folders = {rule.parent for rule in rules if not rule.is_relative_to(root) and rule.parent.is_dir()}
    told: Iterable[Collection[tuple[object, str]]] = wait(
        root,
        *sorted(folders),
        watch_filter=lambda _, path: Path(path) in rules or _is_of_tree(root, Path(path)),
        step=_QUIET_MS,
        rust_timeout=_WAIT_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    return ([Path(path) for _, path in events] for events in told)


def _rule_files(root: Path) -> frozenset[Path]:
    """The files beside those in the tree that decide what belongs to it."""
    return frozenset([*git.rule_files(root), user_ignore_file()])


def _relative(root: Path, paths: Collection[Path]) -> list[str]:
    """The paths of the tree itself, relative; the index may lie below its root, and its writing is no change."""
    own = index_path(root).parent
    below = [path for path in paths if _is_of_tree(root, path) and not path.is_relative_to(own)]
    # A name that is no UTF-8 is not indexed.
    return sorted({path.relative_to(root).as_posix() for path in below if printable(str(path)) == str(path)})


def _is_of_tree(root: Path, path: Path) -> bool:
    """Whether a change at `path` may be one of a file of the tree."""
    return path != root and path.is_relative_to(root) and ".git" not in path.relative_to(root).parts
