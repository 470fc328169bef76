"""An editor under test: keys go in, its own probe says what it holds, and a fake server what it was asked and told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.editors.terminal import until

State = dict[str, Any]

Offer = Callable[..., AbstractContextManager["Editor"]]


@dataclass
class Editor:
    """An editor that runs, with what it holds and what the server was told."""

    terminal: Any
    """What is typed on: `type(keys)`, with its `output` for a failure."""
    folder: Path

    @property
    def state(self) -> State:
        try:
            found: State = json.loads((self.folder / "probe").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found

    def notes(self, name: str) -> list[Any]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def type(self, keys: str) -> None:
        self.terminal.type(keys)

    def see(self, **wanted: Any) -> None:
        """Wait until the editor holds this."""
        until(
            lambda: all(self.state.get(name) == value for name, value in wanted.items()),
            lambda: (
                wanted,
                self.state,
                bytes(self.terminal.output[-300:]),
                self.notes("said"),
                self.notes("asked")[-1:],
            ),
        )

    def say(self, *wanted: list[Any]) -> None:
        """Wait until this was said, and nothing else."""
        until(lambda: self.notes("said") == list(wanted), lambda: (wanted, self.notes("said"), self.state))


def offering(folder: Path, editing: Callable[..., AbstractContextManager[Editor]]) -> Offer:
    """A way to open editors on a file, with a server that offers one text everywhere."""
    count = 0

    @contextmanager
    def offer(name: str, text: str, content: str, *settings: str) -> Iterator[Editor]:
        nonlocal count
        count += 1
        here = folder / str(count)
        (here / "work").mkdir(parents=True)
        (here / "answer").write_text(json.dumps(text))
        file = here / "work" / "ä b.py"
        file.write_bytes(content.encode())
        server = [sys.executable, "-m", "tests.editors.fake_server", str(here)]
        with editing(name, file, here, server, *settings) as editor:
            yield editor

    return offer
