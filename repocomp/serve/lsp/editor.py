"""What the server tells the person: warnings, each of them once, and how far the first index is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repocomp.serve.lsp.wire import Wire

if TYPE_CHECKING:
    from repocomp.progress import OnProgress, Progress

_WARNING = 2
_MOST_WARNINGS = 50


class Editor:
    """The client, by what it can show. Any thread may tell it."""

    def __init__(self, wire: Wire, capabilities: Mapping[str, Any]) -> None:
        window = capabilities.get("window")
        self._wire = wire
        self._has_progress = isinstance(window, dict) and bool(window.get("workDoneProgress"))
        self._warned: set[str] = set()

    def warn(self, message: str, hint: str | None = None) -> None:
        """Show a message, unless it was shown before: the next keystroke would bring it again."""
        text = f"repocomp: {message}" + (f" ({hint})" if hint else "")
        if text not in self._warned and len(self._warned) < _MOST_WARNINGS:
            self._warned.add(text)
            self._wire.notify("window/showMessage", {"type": _WARNING, "message": text})

    def indexing(self, root: Path) -> ShownProgress:
        """A display for the first index of `root`."""
        return ShownProgress(self._wire if self._has_progress else None, root)


class ShownProgress:
    """Progress that begins with the first word of it, and is told a percent at a time."""

    def __init__(self, wire: Wire | None, root: Path) -> None:
        self._wire, self._root = wire, root
        self._token = f"repocomp-{root}-{threading.get_ident()}"
        self._percent: int | None = None

    @property
    def on_progress(self) -> OnProgress:
        """What a long piece of work calls."""
        return self._show

    def end(self) -> None:
        """Take the display away."""
        if self._percent is not None:
            self._tell({"kind": "end"})
        self._percent = None

    def _show(self, progress: Progress) -> None:
        percent = int(100 * progress.done / progress.total) if progress.total else 0
        if self._wire is None or percent == self._percent:
            return
        if self._percent is None:
            self._wire.request("window/workDoneProgress/create", {"token": self._token})
            self._tell(
                {"kind": "begin", "title": f"repocomp: {progress.label} {self._root.name}", "percentage": percent}
            )
        else:
            self._tell({"kind": "report", "percentage": percent})
        self._percent = percent

    def _tell(self, value: dict[str, Any]) -> None:
        if self._wire is not None:
            self._wire.notify("$/progress", {"token": self._token, "value": value})
