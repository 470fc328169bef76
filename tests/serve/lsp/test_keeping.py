"""The display of an index in the making: it is taken away when the work is over, whatever came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from repocomp.index import watch
from repocomp.index.build import IndexReport, build
from repocomp.progress import OnProgress, Progress, ignore
from repocomp.serve.lsp.editor import Editor
from repocomp.serve.lsp.indexing import IndexKeeper
from repocomp.serve.lsp.wire import Wire
from tests.conftest import Repository
from tests.serve.lsp.client import until


class Told:
    """A wire that keeps what goes over it."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def request(self, method: str, params: dict[str, Any]) -> None:
        """Ask the client."""

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell the client."""
        if method == "$/progress":
            self.kinds.append(params["value"]["kind"])


def test_a_look_that_finds_nothing_new_leaves_no_display(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []

    def looking(root: Path, progress: OnProgress | None = None, **options: Any) -> IndexReport:
        looks.append(root)
        (progress or ignore)(Progress(1, 1, "indexing"))
        return build(root)

    monkeypatch.setattr(watch, "build", looking)
    root = repository({"a.py": "x = 1\n"})
    wire = Told()
    keeper = IndexKeeper(Editor(cast("Wire", wire), {"window": {"workDoneProgress": True}}))
    keeper.start()
    keeper.keep(root)
    until(lambda: wire.kinds == ["begin", "end"])
    # What is told first has everything looked at once more.
    keeper.changed(root / "a.py")
    until(lambda: len(looks) == 2)
    until(lambda: wire.kinds == ["begin", "end"] * 2)
    keeper.stop()
