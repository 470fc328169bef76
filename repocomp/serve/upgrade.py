"""Whether the running code is still the one on the disk: after an upgrade the old one must not go on answering."""

from __future__ import annotations

import os
import sys

_PACKAGE = __name__.partition(".")[0]


class UpgradeCheck:
    """The files of the modules that are loaded, as they were when they were first looked at."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self.is_changed()

    def is_changed(self) -> bool:
        """Whether one of them is another file now, or gone. Costs 0.3 ms."""
        files = [module.__file__ for name, module in list(sys.modules.items()) if name.partition(".")[0] == _PACKAGE]
        return any(self._seen.setdefault(file, time := _time(file)) != time for file in files if file is not None)


def _time(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0
