"""Where this user's files lie, by the conventions of the platform. Nothing is ever written into a work tree.

Cache can be made again at any time, data is precious, and on no platform does one hold the other's files by accident.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

_NAME = "repocomp"
_UNIX = {"cache": ".cache", "data": ".local/share", "config": ".config", "state": ".local/state"}


def cache() -> Path:
    """What can be made again: `$XDG_CACHE_HOME/repocomp`."""
    return _directory("cache")


def data() -> Path:
    """What is lost when it is removed: `$XDG_DATA_HOME/repocomp`."""
    return _directory("data")


def config() -> Path:
    """What the user wrote: `$XDG_CONFIG_HOME/repocomp`."""
    return _directory("config")


def state() -> Path:
    """Logs: `$XDG_STATE_HOME/repocomp`."""
    return _directory("state")


def _directory(kind: Literal["cache", "data", "config", "state"]) -> Path:
    variable = os.environ.get(f"XDG_{kind.upper()}_HOME", "").strip()
    if variable and not os.path.isabs(variable):
        # The XDG specification says to ignore a relative path; platformdirs follows it.
        return Path.home() / _UNIX[kind] / _NAME
    if sys.platform == "linux":
        # As platformdirs says, which costs every start some milliseconds.
        return (Path(variable) if variable else Path.home() / _UNIX[kind]) / _NAME
    from platformdirs import PlatformDirs

    found: str = getattr(PlatformDirs(_NAME, appauthor=False), f"user_{kind}_dir")
    return Path(found)
