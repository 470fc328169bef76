"""Keeping an index current while files change: what changed is looked at, and nothing else.

Whoever tells of changes is handed in; `changes` asks the optional package watchfiles, which waits for the system's own
notices. Several writers take turns at the database, so a watch, a hook and a hand-made run do not disturb each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from repocomp.errors import ConfigError
from repocomp.index.build import IndexReport, build, update
from repocomp.index.walk import IGNORE_FILE
from repocomp.progress import OnProgress
from repocomp.store.paths import index_path
from repocomp.tree import printable

_RULES = frozenset({".gitignore", IGNORE_FILE})
_GIT = (".git/HEAD", ".git/info/exclude")
"""Of git's own files those that change what belongs to the tree: another branch, private rules."""
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
    for number, paths in enumerate(told):
        changed = _relative(root, paths)
        # What changed between the first look and the first word was told by nobody.
        is_all = number == 0 or any(path in _GIT or path.rpartition("/")[2] in _RULES for path in changed)
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
    told: Iterable[Collection[tuple[object, str]]] = wait(
        root,
        watch_filter=lambda _, path: _concerns(Path(path).relative_to(root)),
        step=_QUIET_MS,
        rust_timeout=_WAIT_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    return ([Path(path) for _, path in events] for events in told)


def _relative(root: Path, paths: Collection[Path]) -> list[str]:
    """The paths of the tree itself, relative; the index may lie below its root, and its writing is no change."""
    own = index_path(root).parent
    below = (path.relative_to(root) for path in paths if path.is_relative_to(root) and not path.is_relative_to(own))
    # A name that is no UTF-8 is not indexed.
    return sorted({path.as_posix() for path in below if _concerns(path) and printable(str(path)) == str(path)})


def _concerns(path: Path) -> bool:
    """Whether a change at `path`, relative to the root, may be one of the index."""
    return bool(path.parts) and (".git" not in path.parts or path.as_posix() in _GIT)
