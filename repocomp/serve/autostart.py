"""Starting the daemon unasked: at the second request within a few minutes that none answered, and at most once.

Never where nobody sits (continuous integration, git's hooks), and never for a user whose home this is not: a daemon
outlives the command that starts it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from repocomp.errors import ServeError
from repocomp.serve.client import start
from repocomp.serve.endpoint import holder, lock, own_folder

WINDOW_S = 300.0
"""Two requests so close mean that more will come; a daemon that did not come up is not started again for as long."""
STARTED = "repocomp: started the daemon, which answers the next requests sooner; it ends by itself"
_MARK = "asked"
_UNATTENDED = (
    *("CI", "CONTINUOUS_INTEGRATION", "BUILD_ID", "BUILD_NUMBER", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD"),
    *("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CODEBUILD_BUILD_ID", "PRE_COMMIT"),
    # Git sets these for its hooks.
    *("GIT_DIR", "GIT_INDEX_FILE", "GIT_EXEC_PATH", "GIT_REFLOG_ACTION"),
)
_ANOTHER_USER = ("SUDO_UID", "DOAS_USER")


def start_if_due(environment: Mapping[str, str] = os.environ) -> bool:
    """Note a request that no daemon answered, and start one where it is the second; whether one was started."""
    if not may_start(environment):
        return False
    with suppress(OSError, ServeError), _marked() as mark:
        now = time.time()
        asked, started = _times(mark)
        is_due = 0 <= now - asked <= WINDOW_S and not 0 <= now - started <= WINDOW_S and holder() is None
        mark.write_text(f"{now} {now if is_due else started}", encoding="ascii")
        if is_due:
            start()
        return is_due
    return False


def expect() -> None:
    """Have the next request start a daemon: this one leaves, and was in use."""
    with suppress(OSError, ServeError), _marked() as mark:
        mark.write_text(f"{time.time()} 0", encoding="ascii")


def may_start(environment: Mapping[str, str]) -> bool:
    """Whether somebody sits here, and the home is that user's own."""
    if any(environment.get(name) for name in (*_UNATTENDED, *_ANOTHER_USER)):
        return False
    if not hasattr(os, "getuid"):
        return True
    try:
        return os.getuid() == os.geteuid() == os.stat(Path.home()).st_uid
    except (OSError, RuntimeError):
        return False


@contextmanager
def _marked() -> Iterator[Path]:
    """The file of times, for one process at a time. Raises OSError where another one has it."""
    mark = own_folder() / _MARK
    with open(mark.with_suffix(".lock"), "a+b") as held:
        if not lock(held):
            raise OSError("another request is being noted")
        yield mark


def _times(mark: Path) -> tuple[float, float]:
    """When a request was last left to itself, and a daemon last started."""
    try:
        asked, started = mark.read_text(encoding="ascii").split()
        return float(asked), float(started)
    except (OSError, ValueError):
        return 0.0, 0.0
